_base_ = "./resnet20_resnet20_cifar100.py"

network = "mmkd::_base_/models/cifar/resnet110.py"
model = dict(students=dict(first=network, second=network))
