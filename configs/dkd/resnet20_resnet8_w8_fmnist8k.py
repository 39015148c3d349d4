_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

# mdistiller's beta of its narrow networks. A twelfth of the epochs, its warm-up, is none here.
dkd = dict(loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=2.0, temperature=4.0))
model = dict(student_loss_weight=1.0, terms=dict(_delete_=True, dkd=dkd))
