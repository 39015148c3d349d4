_base_ = ["../_base_/pairs/fasterrcnn_r101_r50.py", "../_base_/coco_180k.py"]

review = dict(
    student="neck[:]",
    teacher="neck[:]",
    connector=dict(type="mmkd.ReviewConnector"),
    loss=dict(type="mmkd.ReviewKDLoss"),
    weight=1.0,
)
model = dict(terms=dict(_delete_=True, reviewkd=review))
