_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(terms=dict(nkd=dict(loss=dict(type="mmkd.NKDLoss", gamma=3.5, temperature=3.0))))
