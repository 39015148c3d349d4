_base_ = "../kd/ResNet50_ResNet18_cifar100.py"

model = dict(
    terms=dict(
        kd=dict(
            loss=dict(
                temperature=dict(_delete_=True, type="mmkd.FLSWTemperature", base=10.0, bias=40.0)
            )
        )
    )
)
