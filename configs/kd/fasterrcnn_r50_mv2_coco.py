_base_ = ["../_base_/pairs/fasterrcnn_r50_mv2.py", "../_base_/coco_1x.py"]
