_base_ = ["../_base_/pairs/swin_large_384_ResNet18_tiny_imagenet.py", "../_base_/methods/erkd.py"]

model = _base_.method.classifier.model
