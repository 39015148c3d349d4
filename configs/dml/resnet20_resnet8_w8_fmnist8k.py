_base_ = "./resnet8_w8_resnet8_w8_fmnist8k.py"

model = dict(
    students=dict(
        _delete_=True,
        resnet8_w8="mmkd::baseline/resnet8_w8_fmnist8k.py",
        resnet20="mmkd::baseline/resnet20_fmnist8k.py",
    )
)
