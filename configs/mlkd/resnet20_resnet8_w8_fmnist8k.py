_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

mlkd = dict(loss=dict(type="mmkd.MLKDLoss", views=1), weight=0.9)
model = dict(terms=dict(_delete_=True, mlkd=mlkd))
