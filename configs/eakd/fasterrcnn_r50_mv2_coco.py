_base_ = ["../_base_/pairs/fasterrcnn_r50_mv2_coco.py", "../_base_/methods/eakd.py"]

model = _base_.method.roi.model
