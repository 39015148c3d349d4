_base_ = ["../coco_1x_single_stage.py", "../models/pairs/gfl_r101_r50.py"]
