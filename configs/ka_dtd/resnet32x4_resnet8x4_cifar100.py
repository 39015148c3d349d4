_base_ = "../kd/resnet32x4_resnet8x4_cifar100.py"

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
