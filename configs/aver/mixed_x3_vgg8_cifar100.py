_base_ = "../_base_/pairs/mixed_x3_vgg8_cifar100.py"

model = dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))))
