# What the configs of distillation on ImageNet share.
_base_ = [
    "./datasets/imagenet.py",
    "./schedules/imagenet_100e.py",
    "./default_runtime.py",
    "./distillation.py",
]
