_base_ = [
    "../_base_/models/cifar/resnet8.py",
    "../_base_/datasets/fashion_mnist_8k.py",
    "../_base_/schedules/fashion_mnist_10e.py",
    "../_base_/default_runtime.py",
]

# Half of resnet8's channels: a student that leaves something to teach.
model = dict(
    backbone=dict(in_channels=1, widths=(8, 8, 16, 32)),
    head=dict(num_classes=10, in_channels=32, topk=(1,)),
)
