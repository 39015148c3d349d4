_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/ls.py"]

dkd = dict(
    loss=dict(alpha=9.0, beta=72.0, temperature=2.0, **_base_.ls_dkd),
    schedule=dict(warmup=20),
)
model = dict(terms=dict(dkd=dkd))
