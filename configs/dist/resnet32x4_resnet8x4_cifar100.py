_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(dist=dict(loss=dict(type="mmkd.DISTLoss", beta=1.0, gamma=1.0, temperature=4.0)))
)
