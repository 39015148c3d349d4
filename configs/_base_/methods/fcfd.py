# FCFD's released settings on CIFAR-100, as most pairs have them; its KD has the same temperature.
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))
fcfd = dict(
    loss=dict(
        type="mmkd.FCFD",
        temperature=4.0,
        feature_weight=5.0,
        paths=2,
        feature_schedule=dict(warmup=20),
    )
)
