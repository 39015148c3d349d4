# ER-KD's recipe on Tiny-ImageNet with two views of each image.
_base_ = [
    "./datasets/tiny_imagenet_two_views.py",
    "./schedules/cifar_240e.py",
    "./default_runtime.py",
    "./distillation.py",
]
