_base_ = ["../_base_/pairs/fasterrcnn_r50_mv2_coco.py", "../_base_/methods/erkd.py"]

model = _base_.method.roi.model
