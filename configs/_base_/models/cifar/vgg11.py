_base_ = "./vgg13.py"

model = dict(backbone=dict(depth=11))
