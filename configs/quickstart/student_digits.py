_base_ = "./teacher_digits.py"

model = dict(backbone=dict(depth=8, widths=(2, 2, 4, 8)), head=dict(in_channels=8))
