_base_ = ["../_base_/pairs/resnet20_resnet8_w8_fmnist8k.py", "../_base_/methods/reviewkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet20_resnet8_w8_fmnist8k.model)
