_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cifar100.py", "../_base_/methods/ls.py"]

dkd = dict(
    loss=dict(alpha=15.0, beta=30.0, temperature=2.0, **_base_.ls_dkd),
    schedule=dict(warmup=20),
)
model = dict(terms=dict(dkd=dkd))
