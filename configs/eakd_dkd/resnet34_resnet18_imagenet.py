_base_ = "../dkd/resnet34_resnet18_imagenet.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=2.0)
model = dict(terms=dict(dkd=dict(sample_weight=sample_weight)))
