_base_ = "../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py"

cat = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.CATKDLoss", resolution=4),
    weight=600.0,
)
model = dict(terms=dict(cat=cat))
