_base_ = ["../baseline/resnet8_w8_fmnist8k.py", "../_base_/distillation.py"]

kd = dict(loss=dict(type="mmkd.KDLoss", temperature=3.0), weight=0.1)
hint = dict(student="neck", teacher="neck", loss=dict(type="mmkd.HintLoss"), weight=0.1)
model = dict(
    _delete_=True,
    type="mmkd.SelfDistiller",
    student="mmkd::baseline/resnet8_w8_fmnist8k.py",
    branches=dict(layer1="backbone.layer1", layer2="backbone.layer2"),
    branch_loss_weight=0.9,
    input_shape=(1, 28, 28),
    terms=dict(kd=kd, hint=hint),
)
