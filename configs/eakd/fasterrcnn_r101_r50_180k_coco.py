_base_ = ["../_base_/pairs/fasterrcnn_r101_r50_180k_coco.py", "../_base_/methods/eakd.py"]

model = _base_.method.roi.model
