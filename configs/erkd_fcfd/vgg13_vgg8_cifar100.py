_base_ = "../fcfd/vgg13_vgg8_cifar100.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
