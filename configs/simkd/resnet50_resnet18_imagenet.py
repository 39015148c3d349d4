_base_ = "../_base_/imagenet_100e_256.py"

weights = (
    "https://mmassets.onedl.ai/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/simkd/resnet18_of_resnet50.py",
    teacher=dict(model="mmpretrain::resnet/resnet50_8xb32_in1k.py", checkpoint=weights),
    student_loss_weight=0.0,
    input_shape=(3, 224, 224),
    terms=dict(
        simkd=dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss")),
    ),
)
# The published recipe.
train_cfg = dict(max_epochs=120)
