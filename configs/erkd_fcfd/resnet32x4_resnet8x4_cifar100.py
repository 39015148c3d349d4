_base_ = "../fcfd/resnet32x4_resnet8x4_cifar100.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
