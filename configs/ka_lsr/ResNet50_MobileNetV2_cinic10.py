_base_ = "../kd/ResNet50_MobileNetV2_cinic10.py"

loss = dict(temperature=20.0, target=dict(type="mmkd.LabelSmoothReplace", epsilon=0.985))
model = dict(terms=dict(kd=dict(loss=loss)))
