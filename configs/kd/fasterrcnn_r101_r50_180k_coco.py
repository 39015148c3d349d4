_base_ = ["../_base_/pairs/fasterrcnn_r101_r50.py", "../_base_/coco_180k.py"]
