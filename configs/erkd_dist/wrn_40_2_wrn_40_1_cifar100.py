_base_ = "../dist/wrn_40_2_wrn_40_1_cifar100.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(dist=dict(sample_weight=sample_weight, weight=1.0)))
