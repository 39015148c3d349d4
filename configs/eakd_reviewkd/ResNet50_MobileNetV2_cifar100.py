_base_ = "../reviewkd/ResNet50_MobileNetV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(terms=dict(reviewkd=dict(sample_weight=sample_weight)))
