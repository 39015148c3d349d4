# What the configs of MLKD on CIFAR-100 share: two views of each image, and 480 epochs.
_base_ = [
    "./datasets/cifar100_two_views.py",
    "./schedules/cifar_480e.py",
    "./default_runtime.py",
    "./distillation.py",
]
