_base_ = "../kd/vgg13_MobileNetV2_cifar100.py"

model = dict(
    terms=dict(
        kd=dict(
            loss=dict(
                target=dict(type="mmkd.ProbabilityShift"),
                temperature=dict(_delete_=True, type="mmkd.FLSWTemperature", base=10.0, bias=40.0),
            )
        )
    )
)
