_base_ = "./resnet32x4_resnet8x4_cifar100.py"

stages = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
nst = dict(student=stages, teacher=stages, loss=dict(type="mmkd.NSTLoss"), weight=50.0)
model = dict(terms=dict(nst=nst))
