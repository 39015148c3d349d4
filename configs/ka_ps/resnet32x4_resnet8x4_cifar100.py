_base_ = "../kd/resnet32x4_resnet8x4_cifar100.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.ProbabilityShift"))
model = dict(terms=dict(kd=dict(loss=loss)))
