_base_ = ["../_base_/pairs/gfl_r101_r18.py", "../_base_/coco_1x_single_stage.py"]

ld = dict(
    student="bbox_head[1][:]",
    teacher="bbox_head[1][:]",
    loss=dict(type="mmkd.LDLoss", temperature=10.0, loss_weight=0.25, reduction="sum"),
    sample_weight=dict(type="mmkd.ConfidenceWeight", of="student"),
    locations=dict(type="mmkd.DenseLocations", select="positives"),
)
model = dict(terms=dict(ld=ld))
