_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/ab.py"]

stages = ["backbone.block2.layer.0.bn1", "backbone.block3.layer.0.bn1", "backbone.bn1"]
model = dict(
    student_loss_schedule=dict(begin=30),
    terms=dict(ab=dict(student=stages, teacher=stages, **_base_.ab)),
)

# The 240 epochs come after 30 that initialise the student.
train_cfg = dict(max_epochs=270)
param_scheduler = dict(milestones=[180, 210, 240])
