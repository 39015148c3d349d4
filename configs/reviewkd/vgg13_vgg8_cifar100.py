_base_ = "../_base_/pairs/vgg13_vgg8_cifar100.py"

# The released scripts have no weight for this pair. An interpretation: that of most others.
review = dict(
    student=["backbone.relu1", "backbone.relu2", "backbone.relu3", "backbone.relu4", "neck"],
    teacher=["backbone.block1", "backbone.block2", "backbone.block3", "backbone.block4", "neck"],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=5.0,
    schedule=dict(warmup=20),
)
model = dict(terms=dict(reviewkd=review))
