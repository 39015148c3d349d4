_base_ = "../_base_/pairs/ResNet50_MobileNetV2_cifar100.py"

# The released scripts have no weight for this pair. An interpretation: that of most others.
stages = [f"backbone.blocks.{block}" for block in (1, 2, 4, 6)]
last = dict(layer1=2, layer2=3, layer3=5, layer4=2)
review = dict(
    student=[*stages, "neck"],
    teacher=[*(f"backbone.{s}.{block}.relu:input" for s, block in last.items()), "neck"],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=5.0,
    schedule=dict(warmup=20),
)
model = dict(terms=dict(reviewkd=review))
