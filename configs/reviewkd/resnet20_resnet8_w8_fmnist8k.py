_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

stages = [f"backbone.layer{stage}" for stage in (1, 2, 3)]
review = dict(
    student=[*stages, "neck"],
    teacher=[*(f"{stage}.2.relu:input" for stage in stages), "neck"],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=0.6,
)
model = dict(student_loss_weight=1.0, terms=dict(_delete_=True, reviewkd=review))
