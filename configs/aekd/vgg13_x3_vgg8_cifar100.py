_base_ = "../aver/vgg13_x3_vgg8_cifar100.py"

teacher_weight = dict(type="mmkd.AEKDWeight", tolerance=0.6, temperature=4.0)
model = dict(terms=dict(kd=dict(teacher_weight=teacher_weight)))
