_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        crd=dict(
            student="neck",
            teacher="neck",
            loss=dict(type="mmkd.CRDLoss", num_samples=50000, negatives=16384),
            weight=0.8,
        )
    )
)
