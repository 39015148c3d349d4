_base_ = [
    "../_base_/models/cifar/resnet20.py",
    "../_base_/datasets/cifar100_b128.py",
    "../_base_/schedules/cifar_8e.py",
    "../_base_/default_runtime.py",
]
