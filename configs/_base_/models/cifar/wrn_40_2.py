model = dict(
    type="mmpretrain.ImageClassifier",
    _scope_="mmpretrain",
    backbone=dict(type="mmkd.CIFARWideResNet", depth=40, widen_factor=2),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="LinearClsHead",
        num_classes=100,
        in_channels=128,
        loss=dict(type="CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
        # PyTorch's own weights and a zero bias, like the published networks.
        init_cfg=dict(
            type="Kaiming",
            layer="Linear",
            a=5**0.5,
            mode="fan_in",
            nonlinearity="leaky_relu",
            distribution="uniform",
        ),
    ),
)
