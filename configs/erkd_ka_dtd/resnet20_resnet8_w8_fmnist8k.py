_base_ = ["../_base_/pairs/resnet20_resnet8_w8_fmnist8k.py", "../_base_/methods/erkd_ka_dtd.py"]

model = _base_.method.classifier.model
