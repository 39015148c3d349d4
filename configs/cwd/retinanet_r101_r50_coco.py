_base_ = ["../_base_/pairs/retinanet_r101_r50.py", "../_base_/coco_1x_single_stage.py"]

cwd = dict(
    student="neck[:]",
    teacher="neck[:]",
    loss=dict(type="mmkd.CWDLoss", temperature=1.0, loss_weight=10.0),
)
model = dict(terms=dict(cwd=cwd))
