_base_ = [
    "../_base_/models/cifar/resnet14.py",
    "../_base_/datasets/digits.py",
    "../_base_/schedules/digits_30e.py",
    "../_base_/default_runtime.py",
]

model = dict(backbone=dict(in_channels=1), head=dict(num_classes=10, topk=(1,)))
