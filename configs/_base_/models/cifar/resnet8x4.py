_base_ = "./resnet32x4.py"

model = dict(backbone=dict(depth=8))
