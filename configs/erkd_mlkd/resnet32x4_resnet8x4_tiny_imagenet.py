_base_ = [
    "../_base_/pairs/resnet32x4_resnet8x4_tiny_imagenet_two_views.py",
    "../_base_/methods/erkd_mlkd.py",
]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet32x4_resnet8x4_tiny_imagenet_two_views.model)
optim_wrapper = _base_.published.resnet32x4_resnet8x4_tiny_imagenet_two_views.optim_wrapper
