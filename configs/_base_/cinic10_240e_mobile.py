# CIFAR-100's recipe, with the rate of MobileNetV2, on CINIC-10.
_base_ = [
    "./datasets/cinic10.py",
    "./schedules/cifar_240e_mobile.py",
    "./default_runtime.py",
    "./distillation.py",
]
