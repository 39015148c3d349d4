_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/ab.py"]

stages = [f"backbone.block{stage}" for stage in (1, 2, 3, 4)]
model = dict(
    student_loss_schedule=dict(begin=30),
    terms=dict(ab=dict(student=stages, teacher=stages, **_base_.ab)),
)

# The 240 epochs come after 30 that initialise the student.
train_cfg = dict(max_epochs=270)
param_scheduler = dict(milestones=[180, 210, 240])
