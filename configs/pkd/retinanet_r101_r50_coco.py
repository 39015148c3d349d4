_base_ = ["../_base_/pairs/retinanet_r101_r50.py", "../_base_/coco_1x_single_stage.py"]

levels = [f"neck[{level}]" for level in range(4)]
pkd = dict(
    student=levels,
    teacher=levels,
    loss=dict(type="mmkd.PKDLoss", loss_weight=10.0),
)
model = dict(terms=dict(pkd=pkd))
