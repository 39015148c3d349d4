_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        cc=dict(student="neck", teacher="neck", loss=dict(type="mmkd.AdjacentCCLoss"), weight=0.02)
    )
)
