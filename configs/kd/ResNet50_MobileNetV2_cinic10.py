_base_ = "../_base_/pairs/ResNet50_MobileNetV2_cinic10.py"

model = dict(
    student_loss_weight=0.1,
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0), weight=0.9)),
)
