_base_ = "mmdet::_base_/models/faster-rcnn_r50_fpn.py"

model = dict(_scope_="mmdet")
