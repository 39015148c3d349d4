_base_ = "../_base_/pairs/resnet50_mobilenet_v1_imagenet_256.py"

# The student's stages before their ReLU, the teacher's behind it: so it is in ReviewKD's code.
review = dict(
    student=[*(f"backbone.model.{block}.5:input" for block in (3, 5, 11, 13)), "neck"],
    teacher=[*(f"backbone.layer{stage}" for stage in (1, 2, 3, 4)), "neck"],
    connector=dict(type="mmkd.ReviewConnector", max_mid_channels=256),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=8.0,
)
model = dict(terms=dict(reviewkd=review))
