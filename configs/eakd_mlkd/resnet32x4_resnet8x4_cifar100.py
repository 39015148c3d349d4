_base_ = "../mlkd/resnet32x4_resnet8x4_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(mlkd=dict(sample_weight=sample_weight)))
