_base_ = ["../cifar100_480e_two_views.py", "../models/pairs/resnet32x4_resnet8x4_cifar100.py"]
