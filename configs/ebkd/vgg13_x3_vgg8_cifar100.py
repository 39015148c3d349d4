_base_ = "../aver/vgg13_x3_vgg8_cifar100.py"

teacher_weight = dict(type="mmkd.EBKDWeight", divide_by_k=True)
model = dict(terms=dict(kd=dict(teacher_weight=teacher_weight)))
