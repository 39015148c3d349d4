_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

cat = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.CATKDLoss", resolution=4, normalize=False),
    weight=0.5,
)
model = dict(terms=dict(cat=cat))
