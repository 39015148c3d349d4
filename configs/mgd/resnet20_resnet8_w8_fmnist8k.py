_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

mgd = dict(
    student="backbone.layer3",
    teacher="backbone.layer3",
    loss=dict(type="mmkd.MGDLoss", alpha=5.6e-4, mask_ratio=0.15, masked="channels"),
)
model = dict(student_loss_weight=1.0, terms=dict(_delete_=True, mgd=mgd))
