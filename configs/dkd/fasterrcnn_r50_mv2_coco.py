_base_ = ["../_base_/pairs/fasterrcnn_r50_mv2.py", "../_base_/coco_1x.py"]

dkd = dict(
    loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.25, temperature=1.0),
    labels="roi_head.bbox_head.loss_cls:input[1]",
)
model = dict(terms=dict(_delete_=True, dkd=dkd))
