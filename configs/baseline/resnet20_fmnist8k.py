_base_ = [
    "../_base_/models/cifar/resnet20.py",
    "../_base_/datasets/fashion_mnist_8k.py",
    "../_base_/schedules/fashion_mnist_10e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=dict(in_channels=1), head=dict(num_classes=10, topk=(1,)))
