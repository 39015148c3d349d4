_base_ = ["../_base_/pairs/gfl_r101_r18_coco.py", "../_base_/methods/ld.py"]

model = _base_.method.dense.model
