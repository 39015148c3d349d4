_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        pkt=dict(student="neck", teacher="neck", loss=dict(type="mmkd.PKTLoss"), weight=30000.0)
    )
)
