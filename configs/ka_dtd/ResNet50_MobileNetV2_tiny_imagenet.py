_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_tiny_imagenet.py", "../_base_/methods/ka_dtd.py"]

model = _base_.method.classifier.model
