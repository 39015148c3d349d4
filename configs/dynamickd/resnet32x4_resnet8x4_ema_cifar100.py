_base_ = "./resnet32x4_resnet8x4_cifar100.py"

controller = dict(type="mmkd.EntropyController", momentum=0.99)
model = dict(terms=dict(kd=dict(loss=dict(student_transforms=[controller]))))
