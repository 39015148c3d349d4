_base_ = "../_base_/pairs/vgg13_x3_MobileNetV2_cifar100.py"

model = dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))))
