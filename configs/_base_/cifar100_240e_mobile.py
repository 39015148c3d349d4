# The same with the rate of MobileNetV2, ShuffleV1 and ShuffleV2.
_base_ = [
    "./datasets/cifar100.py",
    "./schedules/cifar_240e_mobile.py",
    "./default_runtime.py",
    "./distillation.py",
]
