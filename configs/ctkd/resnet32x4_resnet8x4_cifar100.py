_base_ = "../kd/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        kd=dict(loss=dict(temperature=dict(_delete_=True, type="mmkd.CurriculumTemperature")))
    )
)
