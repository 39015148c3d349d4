_base_ = ["../_base_/pairs/fasterrcnn_r101_r50.py", "../_base_/coco_1x.py"]

cwd = dict(
    student="neck[:]",
    teacher="neck[:]",
    loss=dict(type="mmkd.CWDLoss", temperature=1.0, loss_weight=10.0),
)
model = dict(terms=dict(_delete_=True, cwd=cwd))
