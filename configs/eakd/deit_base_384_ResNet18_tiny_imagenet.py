_base_ = ["../_base_/pairs/deit_base_384_ResNet18_tiny_imagenet.py", "../_base_/methods/eakd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.deit_base_384_ResNet18_tiny_imagenet.model)
