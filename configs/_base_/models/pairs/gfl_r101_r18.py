_base_ = "./gfl_r101_r50.py"

model = dict(student="mmkd::_base_/models/coco/gfl_r18.py")
