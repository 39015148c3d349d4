_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_tiny_imagenet.py", "../_base_/methods/dtd_flsw.py"]

model = _base_.method.classifier.model
