_base_ = "../_base_/pairs/wrn_40_2_x3_ShuffleV1_cifar100.py"

model = dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))))
