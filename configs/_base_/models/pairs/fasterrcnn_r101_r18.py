# faster-rcnn_r101_fpn_2x_coco: mmdet's released teacher.
weights = (
    "https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/faster_rcnn_r101_fpn_2x_coco/"
    "faster_rcnn_r101_fpn_2x_coco_bbox_mAP-0.398_20200504_210455-1d2dac9c.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/coco/fasterrcnn_r18.py",
    teacher=dict(model="mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py", checkpoint=weights),
    logits="roi_head.bbox_head.fc_cls",
    input_shape=(3, 256, 256),
)
