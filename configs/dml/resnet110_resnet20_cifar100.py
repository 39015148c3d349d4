_base_ = "./resnet20_resnet20_cifar100.py"

model = dict(
    students=dict(
        _delete_=True,
        resnet20="mmkd::_base_/models/cifar/resnet20.py",
        resnet110="mmkd::_base_/models/cifar/resnet110.py",
    )
)
