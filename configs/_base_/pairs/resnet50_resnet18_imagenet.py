# SimKD's pair on ImageNet, in its published recipe.
_base_ = "../imagenet_100e_256.py"

weights = (
    "https://mmassets.onedl.ai/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmpretrain::resnet/resnet18_8xb32_in1k.py",
    teacher=dict(model="mmpretrain::resnet/resnet50_8xb32_in1k.py", checkpoint=weights),
    input_shape=(3, 224, 224),
)
train_cfg = dict(max_epochs=120)
