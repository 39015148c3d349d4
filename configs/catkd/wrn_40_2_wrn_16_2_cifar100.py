_base_ = "../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py"

cat = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.CATKDLoss", resolution=2, normalize=False),
    weight=12.0,
)
model = dict(terms=dict(cat=cat))
