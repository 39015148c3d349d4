_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.LabelSmoothReplace", epsilon=0.985))
model = dict(terms=dict(kd=dict(loss=loss)))
