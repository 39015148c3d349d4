_base_ = "../aver/resnet20_x3_resnet8_w8_fmnist8k.py"

teacher_weight = dict(type="mmkd.EBKDWeight", divide_by_k=True)
model = dict(terms=dict(kd=dict(teacher_weight=teacher_weight)))
