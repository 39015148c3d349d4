_base_ = "../_base_/pairs/resnet34_resnet18_imagenet_256.py"

# The stages behind their ReLU: that of ReviewKD's code overwrites what it collects before it.
stages = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
review = dict(
    student=[*stages, "neck"],
    teacher=[*stages, "neck"],
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
)
model = dict(terms=dict(reviewkd=review))
