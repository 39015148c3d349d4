_base_ = ["../_base_/pairs/resnet8_w8_resnet8_w8_fmnist8k.py", "../_base_/methods/born_again.py"]

model = _base_.method.classifier.model
