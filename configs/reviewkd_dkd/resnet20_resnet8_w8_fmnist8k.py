_base_ = "../reviewkd/resnet20_resnet8_w8_fmnist8k.py"

dkd = dict(loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=2.0, temperature=4.0))
model = dict(terms=dict(dkd=dkd))
