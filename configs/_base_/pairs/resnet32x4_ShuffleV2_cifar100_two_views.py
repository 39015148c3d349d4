_base_ = [
    "../cifar100_480e_two_views_mobile.py",
    "../models/pairs/resnet32x4_ShuffleV2_cifar100.py",
]
