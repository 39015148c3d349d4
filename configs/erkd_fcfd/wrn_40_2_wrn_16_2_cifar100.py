_base_ = "../fcfd/wrn_40_2_wrn_16_2_cifar100.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
