_base_ = ["../_base_/pairs/fasterrcnn_r101_r50.py", "../_base_/coco_1x.py"]

levels = [f"neck[{level}]" for level in range(4)]
pkd = dict(
    student=levels,
    teacher=levels,
    loss=dict(type="mmkd.PKDLoss", loss_weight=6.0),
)
model = dict(terms=dict(_delete_=True, pkd=pkd))
