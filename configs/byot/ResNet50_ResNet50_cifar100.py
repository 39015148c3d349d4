_base_ = "./ResNet18_ResNet18_cifar100.py"

# 1e-6 times the sum over 128 images of 2048 channels.
model = dict(
    student="mmkd::_base_/models/cifar/ResNet50.py", terms=dict(hint=dict(weight=0.262144))
)
