_base_ = ["../_base_/pairs/resnet20_resnet8_w8_fmnist8k.py", "../_base_/methods/erkd_dynamickd.py"]

model = _base_.method.classifier.model
optim_wrapper = _base_.method.classifier.optim_wrapper
