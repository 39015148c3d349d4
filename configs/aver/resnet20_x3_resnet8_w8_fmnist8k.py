_base_ = "../_base_/pairs/resnet20_x3_resnet8_w8_fmnist8k.py"

model = dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))))
