_base_ = "../reviewkd/fasterrcnn_r101_r50_180k_coco.py"

dkd = dict(
    loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.25, temperature=1.0),
    labels="roi_head.bbox_head.loss_cls:input[1]",
)
model = dict(terms=dict(dkd=dkd))
