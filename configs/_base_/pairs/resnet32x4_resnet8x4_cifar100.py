_base_ = ["../cifar100_240e.py", "../models/pairs/resnet32x4_resnet8x4_cifar100.py"]
