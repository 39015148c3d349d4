_base_ = "../_base_/pairs/resnet34_resnet18_imagenet_256.py"

dist = dict(loss=dict(type="mmkd.DISTLoss", beta=1.0, gamma=1.0, temperature=1.0), weight=2.0)
model = dict(terms=dict(dist=dist))
