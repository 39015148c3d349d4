# The released settings, of the loss and of the optimizer.
_base_ = "../_base_/pairs/resnet34_resnet18_imagenet_256.py"

model = dict(terms=dict(nkd=dict(loss=dict(type="mmkd.NKDLoss", gamma=1.5, temperature=1.0))))
