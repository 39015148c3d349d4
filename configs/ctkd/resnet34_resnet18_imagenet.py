_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

temperature = dict(type="mmkd.CurriculumTemperature", epochs=5)
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=temperature), weight=1.0)
model = dict(terms=dict(kd=kd))
train_cfg = dict(max_epochs=120)
# 256 images an iteration, as 8 processes with 32, at rate 0.1.
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
