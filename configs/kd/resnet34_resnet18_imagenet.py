_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

model = dict(
    student_loss_weight=0.5,
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0), weight=0.5)),
)
