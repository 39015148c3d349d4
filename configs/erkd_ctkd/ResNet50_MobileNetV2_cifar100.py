_base_ = "../ctkd/ResNet50_MobileNetV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
