# WSLD's released settings on ImageNet.
wsld = dict(
    loss=dict(type="mmkd.KDLoss", temperature=2.0),
    sample_weight=dict(type="mmkd.WSLDWeight"),
    weight=2.5,
)
