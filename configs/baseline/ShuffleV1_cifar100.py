_base_ = [
    "../_base_/models/cifar/ShuffleV1.py",
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/cifar_240e_mobile.py",
    "../_base_/default_runtime.py",
]
