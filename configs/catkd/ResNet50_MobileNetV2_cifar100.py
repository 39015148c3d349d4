_base_ = "../_base_/pairs/ResNet50_MobileNetV2_cifar100.py"

cat = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.CATKDLoss", resolution=2),
    weight=40.0,
)
model = dict(terms=dict(cat=cat))
