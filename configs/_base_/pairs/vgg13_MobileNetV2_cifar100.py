_base_ = ["../cifar100_240e_mobile.py", "../models/pairs/vgg13_MobileNetV2_cifar100.py"]
