_base_ = "../dist/ResNet50_MobileNetV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(dist=dict(sample_weight=sample_weight, weight=1.0)))
