_base_ = ["../coco_1x.py", "../models/pairs/fasterrcnn_r50_mv2.py"]
