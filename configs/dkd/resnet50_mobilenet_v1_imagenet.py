_base_ = "../_base_/pairs/resnet50_mobilenet_v1_imagenet.py"

dkd = dict(loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=2.0, temperature=1.0))
model = dict(terms=dict(dkd=dkd))
