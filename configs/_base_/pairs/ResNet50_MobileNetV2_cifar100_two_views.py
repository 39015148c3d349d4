_base_ = [
    "../cifar100_480e_two_views_mobile.py",
    "../models/pairs/ResNet50_MobileNetV2_cifar100.py",
]
