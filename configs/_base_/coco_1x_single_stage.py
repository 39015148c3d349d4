# The same with the rate that mmdet's configs of RetinaNet, FCOS, GFL and ATSS have.
_base_ = "./coco_1x.py"

optim_wrapper = dict(optimizer=dict(lr=0.01))
