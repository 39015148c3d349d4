_base_ = ["../cifar100_480e_two_views.py", "../models/pairs/wrn_40_2_wrn_16_2_cifar100.py"]
