_base_ = "./resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        kd=dict(
            loss=dict(
                target=dict(_delete_=True, type="mmkd.LabelSmoothReplace", epsilon=0.985),
                temperature=dict(_delete_=True, type="mmkd.CWSMTemperature", base=10.0, bias=40.0),
            )
        )
    )
)
