_base_ = ["../kd/resnet20_resnet8_w8_fmnist8k.py", "../_base_/methods/wsld.py"]

model = dict(student_loss_weight=1.0, terms=dict(_delete_=True, wsld=_base_.wsld))
