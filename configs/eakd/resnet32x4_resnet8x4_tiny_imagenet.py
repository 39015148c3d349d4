_base_ = "../kd/resnet32x4_resnet8x4_tiny_imagenet.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
