model = dict(
    type="mmpretrain.ImageClassifier",
    _scope_="mmpretrain",
    backbone=dict(type="mmkd.CIFARVGG", depth=13),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="LinearClsHead",
        num_classes=100,
        in_channels=512,
        loss=dict(type="CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
    ),
)
