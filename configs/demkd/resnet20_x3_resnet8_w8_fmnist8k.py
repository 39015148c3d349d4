_base_ = "../_base_/pairs/resnet20_x3_resnet8_w8_fmnist8k.py"

teacher_weight = dict(type="mmkd.EntropyTeacherWeight", form="softmax_inv")
tckd = dict(type="mmkd.TCKDLoss", temperature=4.0)
nckd = dict(type="mmkd.NCKDLoss", temperature=4.0)
model = dict(
    terms=dict(
        tckd=dict(loss=tckd, teacher_weight=teacher_weight, weight=1.0),
        nckd=dict(loss=nckd, teacher_weight=teacher_weight, weight=2.0),
    )
)
