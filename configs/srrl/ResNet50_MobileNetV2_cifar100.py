_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cifar100.py", "../_base_/methods/srrl.py"]

model = dict(terms=dict(srrl=_base_.srrl))
