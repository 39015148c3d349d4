_base_ = ["../_base_/pairs/fasterrcnn_r101_r18_180k_coco.py", "../_base_/methods/reviewkd_dkd.py"]

model = _base_.method.roi.model
model.merge(_base_.published.fasterrcnn_r101_r18_180k_coco.model)
