_base_ = "../_base_/pairs/ResNet50_MobileNetV2_cifar100.py"

dkd = dict(
    loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=8.0, temperature=4.0),
    schedule=dict(warmup=20),
)
model = dict(terms=dict(dkd=dkd))
