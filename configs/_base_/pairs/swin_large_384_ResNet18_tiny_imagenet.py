# The student sees 64 pixels, the teacher the same batch enlarged to 384.
_base_ = "../tiny_imagenet_240e.py"

model = dict(
    type="mmkd.Distiller",
    student="mmkd::baseline/ResNet18_tiny_imagenet.py",
    teacher=dict(
        model="mmkd::baseline/swin_large_384_tiny_imagenet.py",
        checkpoint="work_dirs/swin_large_384_tiny_imagenet/epoch_5.pth",
        input_size=384,
        interpolation="bicubic",
    ),
    input_shape=(3, 64, 64),
)
# Twice the images at the same rate, as released.
train_dataloader = dict(batch_size=128)
auto_scale_lr = dict(base_batch_size=128)
