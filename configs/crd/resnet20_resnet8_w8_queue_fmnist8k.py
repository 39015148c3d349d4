_base_ = "./resnet20_resnet8_w8_fmnist8k.py"

model = dict(terms=dict(crd=dict(loss=dict(_delete_=True, type="mmkd.CRDLoss", queue_size=4096))))
