_base_ = [
    "../_base_/pairs/resnet50_mobilenet_v1_imagenet_256.py",
    "../_base_/methods/wsld_imagenet.py",
]

model = dict(terms=dict(wsld=_base_.wsld))
optim_wrapper = dict(optimizer=dict(nesterov=True))
