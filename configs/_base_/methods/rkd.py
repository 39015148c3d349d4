# RepDistiller's and mdistiller's settings of RKD, on the pooled features.
rkd = dict(
    student="neck",
    teacher="neck",
    loss=dict(type="mmkd.RKDLoss", distance_weight=25.0, angle_weight=50.0),
)
