_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.ProbabilityShift"))
model = dict(terms=dict(kd=dict(loss=loss)))
