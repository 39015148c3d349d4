_base_ = [
    "../_base_/models/cifar/MobileNetV2.py",
    "../_base_/datasets/cinic10.py",
    "../_base_/schedules/cifar_240e_mobile.py",
    "../_base_/default_runtime.py",
]

model = dict(head=dict(num_classes=10))
