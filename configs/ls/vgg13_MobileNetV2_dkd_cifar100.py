_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/ls.py"]

dkd = dict(
    loss=dict(alpha=9.0, beta=18.0, temperature=3.0, **_base_.ls_dkd),
    schedule=dict(warmup=20),
)
model = dict(terms=dict(dkd=dkd))
