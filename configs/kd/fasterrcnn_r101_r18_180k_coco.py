_base_ = ["../_base_/pairs/fasterrcnn_r101_r18.py", "../_base_/coco_180k.py"]
