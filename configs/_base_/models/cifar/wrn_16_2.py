_base_ = "./wrn_40_2.py"

model = dict(backbone=dict(depth=16))
