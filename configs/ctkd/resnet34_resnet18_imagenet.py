_base_ = "../_base_/pairs/resnet34_resnet18_imagenet_256.py"

temperature = dict(type="mmkd.CurriculumTemperature", epochs=5)
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=temperature), weight=1.0)
model = dict(terms=dict(kd=kd))
train_cfg = dict(max_epochs=120)
