_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/fsp.py"]

layers = ["backbone.conv1", "backbone.block1", "backbone.block2", "backbone.block3"]
model = dict(
    student_loss_schedule=dict(begin=30),
    terms=dict(fsp=dict(student=layers, teacher=layers, **_base_.fsp)),
)

# The 240 epochs come after 30 that initialise the student.
train_cfg = dict(max_epochs=270)
param_scheduler = dict(milestones=[180, 210, 240])
