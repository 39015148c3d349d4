_base_ = "../dist/resnet20_resnet8_w8_fmnist8k.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(dist=dict(sample_weight=sample_weight)))
