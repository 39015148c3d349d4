_base_ = [
    "../_base_/pairs/resnet32x4_resnet8x4_tiny_imagenet_two_views.py",
    "../_base_/methods/erkd_mlkd.py",
]

model = dict(student_loss_weight=0.2, terms=_base_.erkd_mlkd)
optim_wrapper = dict(optimizer=dict(lr=0.025))
