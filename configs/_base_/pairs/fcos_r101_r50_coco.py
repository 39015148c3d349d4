_base_ = ["mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py", "../distillation.py"]

custom_imports = dict(imports=["mmkd"], allow_failed_imports=False)
# fcos_r101-caffe_fpn_gn-head_ms-640-800-2x_coco: mmdet's released teacher.
teacher = "fcos_r101_caffe_fpn_gn-head_mstrain_640-800_2x_coco"
folder = "https://download.openmmlab.com/mmdetection/v2.0/fcos"
model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py",
    teacher=dict(
        model="mmdet::fcos/fcos_r101-caffe_fpn_gn-head_ms-640-800-2x_coco.py",
        checkpoint=f"{folder}/{teacher}/{teacher}-511424d6.pth",
    ),
    logits="bbox_head[0][:]",
    input_shape=(3, 256, 256),
)
