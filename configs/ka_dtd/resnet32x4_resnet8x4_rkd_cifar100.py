_base_ = "./resnet32x4_resnet8x4_cifar100.py"

loss = dict(type="mmkd.RKDLoss", distance_weight=25.0, angle_weight=50.0)
model = dict(terms=dict(rkd=dict(student="neck", teacher="neck", loss=loss)))
