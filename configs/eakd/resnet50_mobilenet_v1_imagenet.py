_base_ = ["../_base_/pairs/resnet50_mobilenet_v1_imagenet.py", "../_base_/methods/eakd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet50_mobilenet_v1_imagenet.model)
