# WSLD's settings on CIFAR-100, as cls_KD has them.
wsld = dict(
    loss=dict(type="mmkd.KDLoss", temperature=4.0),
    sample_weight=dict(type="mmkd.WSLDWeight"),
    weight=2.25,
)
