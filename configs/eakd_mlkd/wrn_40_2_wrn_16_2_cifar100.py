_base_ = "../mlkd/wrn_40_2_wrn_16_2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(mlkd=dict(sample_weight=sample_weight)))
