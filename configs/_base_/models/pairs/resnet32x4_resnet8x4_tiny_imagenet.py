model = dict(
    type="mmkd.Distiller",
    student="mmkd::baseline/resnet8x4_tiny_imagenet.py",
    teacher=dict(
        model="mmkd::baseline/resnet32x4_tiny_imagenet.py",
        checkpoint="work_dirs/resnet32x4_tiny_imagenet/epoch_240.pth",
    ),
    input_shape=(3, 64, 64),
)
