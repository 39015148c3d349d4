_base_ = ["../coco_180k.py", "../models/pairs/fasterrcnn_r50_mv2.py"]
