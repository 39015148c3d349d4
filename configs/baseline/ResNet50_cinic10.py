_base_ = [
    "../_base_/models/cifar/ResNet50.py",
    "../_base_/datasets/cinic10.py",
    "../_base_/schedules/cifar_240e.py",
    "../_base_/default_runtime.py",
]

model = dict(head=dict(num_classes=10))
