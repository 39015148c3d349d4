# What the configs of distillation on CIFAR-100 share: data, the literature's recipe, hooks.
_base_ = [
    "./datasets/cifar100.py",
    "./schedules/cifar_240e.py",
    "./default_runtime.py",
    "./distillation.py",
]
