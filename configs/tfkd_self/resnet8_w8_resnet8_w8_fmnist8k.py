_base_ = ["../_base_/pairs/resnet8_w8_resnet8_w8_fmnist8k.py", "../_base_/methods/tfkd_self.py"]

model = _base_.method.classifier.model
