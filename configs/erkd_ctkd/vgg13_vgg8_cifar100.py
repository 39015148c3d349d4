_base_ = "../ctkd/vgg13_vgg8_cifar100.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
