# retinanet_r101_fpn_2x_coco: mmdet's released teacher.
weights = (
    "https://download.openmmlab.com/mmdetection/v2.0/retinanet/retinanet_r101_fpn_2x_coco/"
    "retinanet_r101_fpn_2x_coco_20200131-5560aee8.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmdet::retinanet/retinanet_r50_fpn_1x_coco.py",
    teacher=dict(model="mmdet::retinanet/retinanet_r101_fpn_2x_coco.py", checkpoint=weights),
    logits="bbox_head[0][:]",
    input_shape=(3, 256, 256),
)
