_base_ = ["../cifar100_240e.py", "../models/pairs/wrn_40_2_wrn_40_1_cifar100.py"]
