_base_ = ["../_base_/pairs/fasterrcnn_r101_r18_180k_coco.py", "../_base_/methods/erkd.py"]

model = _base_.method.roi.model
