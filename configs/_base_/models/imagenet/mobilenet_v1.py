model = dict(
    type="mmpretrain.ImageClassifier",
    _scope_="mmpretrain",
    backbone=dict(type="mmkd.MobileNetV1"),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="LinearClsHead",
        num_classes=1000,
        in_channels=1024,
        loss=dict(type="CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
        # As PyTorch initialises it, like mdistiller's; the default is N(0, 0.01).
        init_cfg=None,
    ),
)
