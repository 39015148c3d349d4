# The teacher is a ResNet-50 of the same width.
_base_ = "./student_harbour.py"

model = dict(backbone=dict(depth=50), neck=dict(in_channels=[64, 128, 256, 512]))
