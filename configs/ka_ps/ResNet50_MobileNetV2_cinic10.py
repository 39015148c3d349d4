_base_ = "../kd/ResNet50_MobileNetV2_cinic10.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.ProbabilityShift"))
model = dict(terms=dict(kd=dict(loss=loss)))
