_base_ = "./student_scenes.py"

model = dict(
    backbone=dict(base_channels=12),
    decode_head=dict(in_channels=12, channels=16),
    auxiliary_head=dict(in_channels=24, channels=16),
)
