# What the configs of distillation on Tiny-ImageNet share: ER-KD's recipe there, CIFAR-100's.
_base_ = [
    "./datasets/tiny_imagenet.py",
    "./schedules/cifar_240e.py",
    "./default_runtime.py",
    "./distillation.py",
]
