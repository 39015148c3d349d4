_base_ = "../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py"

review = dict(
    student=["backbone.block1", "backbone.block2", "backbone.block3", "neck"],
    teacher=["backbone.block2.layer.0.bn1", "backbone.block3.layer.0.bn1", "backbone.bn1", "neck"],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=5.0,
    schedule=dict(warmup=20),
)
model = dict(terms=dict(reviewkd=review))
