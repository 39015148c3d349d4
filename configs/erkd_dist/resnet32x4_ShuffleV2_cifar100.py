_base_ = "../dist/resnet32x4_ShuffleV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(dist=dict(sample_weight=sample_weight, weight=1.0)))
