_base_ = "../dkd/resnet20_resnet8_w8_fmnist8k.py"

# A third of DKD's beta, as in ER-KD's configs of CIFAR-100.
sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(dkd=dict(loss=dict(beta=0.7), sample_weight=sample_weight)))
