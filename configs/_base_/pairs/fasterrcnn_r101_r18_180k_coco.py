_base_ = ["../coco_180k.py", "../models/pairs/fasterrcnn_r101_r18.py"]
