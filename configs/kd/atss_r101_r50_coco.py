_base_ = ["../_base_/pairs/atss_r101_r50.py", "../_base_/coco_1x_single_stage.py"]

kd = dict(
    loss=dict(type="mmkd.BinaryKDLoss", temperature=1.0),
    locations=dict(type="mmkd.DenseLocations", select="positives"),
)
model = dict(terms=dict(kd=kd))
