_base_ = "../aver/wrn_40_2_x3_ShuffleV2_cifar100.py"

teacher_weight = dict(type="mmkd.EBKDWeight", divide_by_k=True)
model = dict(terms=dict(kd=dict(teacher_weight=teacher_weight)))
