_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cinic10.py", "../_base_/methods/dtd_cwsm.py"]

model = _base_.method.classifier.model
