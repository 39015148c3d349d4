_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/fsp.py"]

layers = ["backbone.relu", "backbone.layer1", "backbone.layer2", "backbone.layer3"]
model = dict(
    student_loss_schedule=dict(begin=30),
    terms=dict(fsp=dict(student=layers, teacher=layers, **_base_.fsp)),
)

# The 240 epochs come after 30 that initialise the student.
train_cfg = dict(max_epochs=270)
param_scheduler = dict(milestones=[180, 210, 240])
