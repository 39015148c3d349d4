_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/ab.py"]

own = [f"backbone.layer{stage}.{unit}.relu:input" for stage, unit in ((1, 3), (2, 7), (3, 3))]
theirs = [f"backbone.layer{stage}.4.relu:input" for stage in (1, 2, 3)]
model = dict(
    student_loss_schedule=dict(begin=30),
    terms=dict(ab=dict(student=own, teacher=theirs, **_base_.ab)),
)

# The 240 epochs come after 30 that initialise the student.
train_cfg = dict(max_epochs=270)
param_scheduler = dict(milestones=[180, 210, 240])
