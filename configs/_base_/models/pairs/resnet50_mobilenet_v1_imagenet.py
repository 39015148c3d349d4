# mmpretrain's released teacher, with 76.55 % top-1; the literature's is torchvision's, 76.16 %.
weights = (
    "https://mmassets.onedl.ai/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/imagenet/mobilenet_v1.py",
    teacher=dict(model="mmpretrain::resnet/resnet50_8xb32_in1k.py", checkpoint=weights),
    input_shape=(3, 224, 224),
)
