model = dict(
    type="mmpretrain.ImageClassifier",
    _scope_="mmpretrain",
    backbone=dict(type="mmkd.CIFARShuffleNetV2"),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="LinearClsHead",
        num_classes=100,
        in_channels=1024,
        loss=dict(type="CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
        # As PyTorch initialises it, like the published networks; the default is N(0, 0.01).
        init_cfg=None,
    ),
)
