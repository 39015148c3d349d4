_base_ = "../_base_/pairs/ResNet50_MobileNetV2_cifar100.py"

# The released scripts have no weight for this pair. An interpretation: that of most others.
review = dict(
    student=[
        "backbone.blocks.1",
        "backbone.blocks.2",
        "backbone.blocks.4",
        "backbone.blocks.6",
        "neck",
    ],
    teacher=[
        "backbone.layer1.2.relu:input",
        "backbone.layer2.3.relu:input",
        "backbone.layer3.5.relu:input",
        "backbone.layer4.2.relu:input",
        "neck",
    ],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=5.0,
    schedule=dict(warmup=20),
)
model = dict(terms=dict(reviewkd=review))
