_base_ = ["../_base_/pairs/deit_base_384_ResNet18_tiny_imagenet.py", "../_base_/methods/erkd.py"]

model = _base_.method.classifier.model
