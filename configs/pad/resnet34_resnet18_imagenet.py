# PAD's second stage: 30 epochs at a hundredth of the first rate, from the student of the first.
_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

model = dict(terms=dict(pad=dict(student="neck", teacher="neck", loss=dict(type="mmkd.PADLoss"))))
load_from = "work_dirs/l2_resnet34_resnet18_imagenet/epoch_90_student.pth"
optim_wrapper = dict(optimizer=dict(lr=0.002))
param_scheduler = dict(milestones=[30])
train_cfg = dict(max_epochs=30)
