_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/pkt.py"]

model = dict(terms=dict(pkt=_base_.pkt))
