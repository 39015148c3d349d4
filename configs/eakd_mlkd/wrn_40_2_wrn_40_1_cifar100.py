_base_ = "../mlkd/wrn_40_2_wrn_40_1_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(mlkd=dict(sample_weight=sample_weight)))
