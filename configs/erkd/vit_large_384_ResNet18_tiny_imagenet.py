_base_ = "../kd/vit_large_384_ResNet18_tiny_imagenet.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
