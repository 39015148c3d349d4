_base_ = "../_base_/pairs/resnet34_resnet18_imagenet_256.py"

stages = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
loss = dict(
    type="mmkd.FCFD",
    temperature=1.0,
    feature_weight=0.02,
    feature_schedule=dict(warmup=5),
)
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))
model = dict(terms=dict(kd=kd, fcfd=dict(student=stages, teacher=stages, loss=loss)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
