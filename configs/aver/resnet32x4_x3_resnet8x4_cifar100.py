_base_ = "../_base_/pairs/resnet32x4_x3_resnet8x4_cifar100.py"

model = dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))))
