_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

dkd = dict(loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.5, temperature=1.0))
model = dict(terms=dict(dkd=dkd))
