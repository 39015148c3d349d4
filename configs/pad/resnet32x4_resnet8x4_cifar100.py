_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

at = dict(student="neck", teacher="neck")
model = dict(
    terms=dict(
        l2=dict(**at, loss=dict(type="mmkd.HintLoss"), weight=15.0, schedule=dict(end=150)),
        pad=dict(**at, loss=dict(type="mmkd.PADLoss"), schedule=dict(begin=150)),
    )
)
