# The student sees 64 pixels, the teacher the same batch enlarged to 384.
_base_ = "../tiny_imagenet_240e.py"

model = dict(
    type="mmkd.Distiller",
    student="mmkd::baseline/ResNet18_tiny_imagenet.py",
    teacher=dict(
        model="mmkd::baseline/vit_large_384_tiny_imagenet.py",
        checkpoint="work_dirs/vit_large_384_tiny_imagenet/epoch_5.pth",
        input_size=384,
        interpolation="bicubic",
    ),
    logits=dict(student="head.fc", teacher="head.layers.head"),
    input_shape=(3, 64, 64),
)
