_base_ = "./resnet32x4_resnet8x4_cifar100.py"

solved = dict(type="mmkd.SolvedEntropyController")
model = dict(terms=dict(kd=dict(loss=dict(student_transforms=[solved]))))
