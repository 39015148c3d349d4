_base_ = "../_base_/pairs/vgg13_vgg8_cifar100.py"

cat = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.CATKDLoss", resolution=2, normalize=False),
    weight=4.5,
)
model = dict(terms=dict(cat=cat))
