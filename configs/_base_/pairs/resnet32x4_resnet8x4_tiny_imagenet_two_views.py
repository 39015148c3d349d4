_base_ = [
    "../tiny_imagenet_240e_two_views.py",
    "../models/pairs/resnet32x4_resnet8x4_tiny_imagenet.py",
]
