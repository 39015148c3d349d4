_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

stages = [f"backbone.layer{stage}" for stage in (1, 2, 3)]
loss = dict(type="mmkd.FCFD", temperature=4.0, feature_weight=5.0)
model = dict(
    student_loss_weight=1.0,
    terms=dict(kd=dict(weight=1.0), fcfd=dict(student=stages, teacher=stages, loss=loss)),
)
