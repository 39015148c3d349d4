_base_ = ["../coco_1x.py", "../models/pairs/fasterrcnn_r101_r50.py"]
