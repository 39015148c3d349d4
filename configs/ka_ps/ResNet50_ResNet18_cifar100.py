_base_ = "../kd/ResNet50_ResNet18_cifar100.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.ProbabilityShift"))
model = dict(terms=dict(kd=dict(loss=loss)))
