_base_ = "../fcfd/vgg13_MobileNetV2_cifar100.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
