_base_ = ["../_base_/pairs/retinanet_r101_r50_coco.py", "../_base_/methods/fgd.py"]

model = _base_.method.dense.model
optim_wrapper = _base_.method.dense.optim_wrapper
