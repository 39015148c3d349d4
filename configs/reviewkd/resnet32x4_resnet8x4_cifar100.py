_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

review = dict(
    student=["backbone.layer1", "backbone.layer2", "backbone.layer3", "neck"],
    teacher=[
        "backbone.layer1.4.relu:input",
        "backbone.layer2.4.relu:input",
        "backbone.layer3.4.relu:input",
        "neck",
    ],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=5.0,
    schedule=dict(warmup=20),
)
model = dict(terms=dict(reviewkd=review))
