_base_ = "../ctkd/vgg13_MobileNetV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
