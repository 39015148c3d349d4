_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cifar100.py", "../_base_/methods/ab.py"]

own = [f"backbone.blocks.{block}" for block in (1, 2, 4, 6)]
theirs = [
    f"backbone.layer{stage}.{block}.relu:input" for stage, block in ((1, 2), (2, 3), (3, 5), (4, 2))
]
model = dict(
    student_loss_schedule=dict(begin=30),
    terms=dict(ab=dict(student=own, teacher=theirs, **_base_.ab)),
)

# The 240 epochs come after 30 that initialise the student.
train_cfg = dict(max_epochs=270)
param_scheduler = dict(milestones=[180, 210, 240])
