_base_ = "../fcfd/resnet20_resnet8_w8_fmnist8k.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
