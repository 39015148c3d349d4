_base_ = "../_base_/pairs/resnet50_mobilenet_v1_imagenet_256.py"

own = [f"backbone.model.{block}" for block in (3, 5, 11, 13)]
theirs = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
loss = dict(
    type="mmkd.FCFD",
    temperature=1.0,
    feature_weight=5.0,
    feature_schedule=dict(warmup=5),
)
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))
model = dict(terms=dict(kd=kd, fcfd=dict(student=own, teacher=theirs, loss=loss)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
