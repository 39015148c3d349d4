# mmpretrain's released teacher, with 73.62 % top-1; the literature's is torchvision's, 73.31 %.
weights = (
    "https://mmassets.onedl.ai/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmpretrain::resnet/resnet18_8xb32_in1k.py",
    teacher=dict(model="mmpretrain::resnet/resnet34_8xb32_in1k.py", checkpoint=weights),
    input_shape=(3, 224, 224),
)
