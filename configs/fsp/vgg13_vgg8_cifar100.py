_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/fsp.py"]

layers = [f"backbone.relu{stage}" for stage in range(5)]
model = dict(
    student_loss_schedule=dict(begin=30),
    terms=dict(fsp=dict(student=layers, teacher=layers, **_base_.fsp)),
)

# The 240 epochs come after 30 that initialise the student.
train_cfg = dict(max_epochs=270)
param_scheduler = dict(milestones=[180, 210, 240])
