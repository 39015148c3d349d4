_base_ = "../kd/ResNet50_ResNet18_cifar100.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.LabelSmoothReplace", epsilon=0.985))
model = dict(terms=dict(kd=dict(loss=loss)))
