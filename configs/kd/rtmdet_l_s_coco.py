_base_ = "../_base_/pairs/rtmdet_l_s.py"

kd = dict(
    loss=dict(type="mmkd.BinaryKDLoss", temperature=1.0),
    locations=dict(type="mmkd.DenseLocations", select="positives"),
)
model = dict(terms=dict(kd=kd))
