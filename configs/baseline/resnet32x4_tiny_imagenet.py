_base_ = [
    "../_base_/models/cifar/resnet32x4.py",
    "../_base_/datasets/tiny_imagenet.py",
    "../_base_/schedules/cifar_240e.py",
    "../_base_/default_runtime.py",
]

model = dict(head=dict(num_classes=200))
