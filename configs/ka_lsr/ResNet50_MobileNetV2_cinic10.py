_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cinic10.py", "../_base_/methods/ka_lsr.py"]

model = _base_.method.classifier.model
