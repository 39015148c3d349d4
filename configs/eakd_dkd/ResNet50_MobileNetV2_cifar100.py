_base_ = "../dkd/ResNet50_MobileNetV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(dkd=dict(sample_weight=sample_weight)))
