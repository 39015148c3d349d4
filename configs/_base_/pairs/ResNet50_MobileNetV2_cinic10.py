_base_ = "../cinic10_240e_mobile.py"

model = dict(
    type="mmkd.Distiller",
    student="mmkd::baseline/MobileNetV2_cinic10.py",
    teacher=dict(
        model="mmkd::baseline/ResNet50_cinic10.py",
        checkpoint="work_dirs/ResNet50_cinic10/epoch_240.pth",
    ),
    input_shape=(3, 32, 32),
)
