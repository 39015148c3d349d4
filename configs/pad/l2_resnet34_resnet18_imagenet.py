# PAD's first stage: regression of the pooled features, in 90 epochs.
_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

model = dict(
    terms=dict(
        l2=dict(student="neck", teacher="neck", loss=dict(type="mmkd.HintLoss"), weight=15.0)
    )
)
param_scheduler = dict(milestones=[30, 60])
train_cfg = dict(max_epochs=90)
