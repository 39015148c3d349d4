# atss_r101_fpn_1x_coco: mmdet's released teacher.
weights = (
    "https://download.openmmlab.com/mmdetection/v2.0/atss/atss_r101_fpn_1x_coco/"
    "atss_r101_fpn_1x_20200825-dfcadd6f.pth"
)
model = dict(
    type="mmkd.Distiller",
    student="mmdet::atss/atss_r50_fpn_1x_coco.py",
    teacher=dict(model="mmdet::atss/atss_r101_fpn_1x_coco.py", checkpoint=weights),
    logits="bbox_head[0][:]",
    input_shape=(3, 256, 256),
)
