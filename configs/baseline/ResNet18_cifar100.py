_base_ = [
    "../_base_/models/cifar/ResNet18.py",
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/cifar_240e.py",
    "../_base_/default_runtime.py",
]
