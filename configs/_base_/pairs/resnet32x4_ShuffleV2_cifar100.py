_base_ = ["../cifar100_240e_mobile.py", "../models/pairs/resnet32x4_ShuffleV2_cifar100.py"]
