_base_ = [
    "../_base_/pairs/resnet32x4_resnet8x4_tiny_imagenet.py",
    "../_base_/methods/ctkd.py",
]

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(
    student_loss_weight=0.1, terms=dict(kd=dict(sample_weight=sample_weight, **_base_.ctkd))
)
