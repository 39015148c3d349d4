_base_ = "./resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        kd=dict(
            loss=dict(target=dict(_delete_=True, type="mmkd.LabelSmoothReplace", epsilon=0.985))
        )
    )
)
