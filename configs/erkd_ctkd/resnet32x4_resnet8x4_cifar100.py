_base_ = "../ctkd/resnet32x4_resnet8x4_cifar100.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
