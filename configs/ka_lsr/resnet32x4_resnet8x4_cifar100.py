_base_ = "../kd/resnet32x4_resnet8x4_cifar100.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.LabelSmoothReplace", epsilon=0.985))
model = dict(terms=dict(kd=dict(loss=loss)))
