# faster-rcnn_r50_fpn_2x_coco: mmdet's released teacher.
weights = (
    "https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/faster_rcnn_r50_fpn_2x_coco/"
    "faster_rcnn_r50_fpn_2x_coco_bbox_mAP-0.384_20200504_210434-a5d8aa15.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/coco/fasterrcnn_mv2.py",
    teacher=dict(model="mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py", checkpoint=weights),
    logits="roi_head.bbox_head.fc_cls",
    input_shape=(3, 256, 256),
)
