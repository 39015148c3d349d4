_base_ = ["../cifar100_240e.py", "../models/pairs/vgg13_vgg8_cifar100.py"]
