_base_ = "../tiny_imagenet_240e_mobile.py"

model = dict(
    type="mmkd.Distiller",
    student="mmkd::baseline/MobileNetV2_tiny_imagenet.py",
    teacher=dict(
        model="mmkd::baseline/ResNet50_tiny_imagenet.py",
        checkpoint="work_dirs/ResNet50_tiny_imagenet/epoch_240.pth",
    ),
    input_shape=(3, 64, 64),
)
