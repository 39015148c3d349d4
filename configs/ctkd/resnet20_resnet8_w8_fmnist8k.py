_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    terms=dict(
        kd=dict(loss=dict(temperature=dict(_delete_=True, type="mmkd.CurriculumTemperature")))
    )
)
