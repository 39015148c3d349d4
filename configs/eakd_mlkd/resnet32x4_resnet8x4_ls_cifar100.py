_base_ = "../mlkd_ls/resnet32x4_resnet8x4_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(
    terms=dict(mlkd=dict(sample_weight=sample_weight, weight=4.0), relations=dict(weight=4.0))
)
