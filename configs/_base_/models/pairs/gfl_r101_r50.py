# gfl_r101_fpn_ms-2x_coco: mmdet's released teacher.
weights = (
    "https://download.openmmlab.com/mmdetection/v2.0/gfl/gfl_r101_fpn_mstrain_2x_coco/"
    "gfl_r101_fpn_mstrain_2x_coco_20200629_200126-dd12f847.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmdet::gfl/gfl_r50_fpn_1x_coco.py",
    teacher=dict(model="mmdet::gfl/gfl_r101_fpn_ms-2x_coco.py", checkpoint=weights),
    logits="bbox_head[0][:]",
    input_shape=(3, 256, 256),
)
