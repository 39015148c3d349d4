_base_ = [
    "../_base_/pairs/resnet50_mobilenet_v1_imagenet_256.py",
    "../_base_/methods/mgd_imagenet.py",
]

model = dict(terms=dict(mgd=_base_.mgd))
optim_wrapper = dict(clip_grad=dict(max_norm=5.0))
