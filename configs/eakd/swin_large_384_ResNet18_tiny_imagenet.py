_base_ = ["../_base_/pairs/swin_large_384_ResNet18_tiny_imagenet.py", "../_base_/methods/eakd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.swin_large_384_ResNet18_tiny_imagenet.model)
