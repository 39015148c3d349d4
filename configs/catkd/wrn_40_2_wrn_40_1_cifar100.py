_base_ = "../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py"

cat = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.CATKDLoss", resolution=2, normalize=False),
    weight=1.5,
)
model = dict(terms=dict(cat=cat))
