_base_ = ["../cifar100_480e_two_views.py", "../models/pairs/vgg13_vgg8_cifar100.py"]
