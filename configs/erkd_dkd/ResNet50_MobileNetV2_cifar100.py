_base_ = "../dkd/ResNet50_MobileNetV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(dkd=dict(loss=dict(beta=3.0), sample_weight=sample_weight)))
