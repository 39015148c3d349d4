_base_ = "mmdet::yolox/yolox_s_8xb8-300e_coco.py"

custom_imports = dict(imports=["mmkd"], allow_failed_imports=False)
hooks = ["StepCheckHook", "TeacherEvaluationHook", "StatisticsHook", "StudentCheckpointHook"]
custom_hooks = [*_base_.custom_hooks, *(dict(type=f"mmkd.{hook}") for hook in hooks)]
# yolox_l_8xb8-300e_coco: mmdet's released teacher.
teacher = "yolox_l_8x8_300e_coco"
folder = "https://download.openmmlab.com/mmdetection/v2.0/yolox"
model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmdet::yolox/yolox_s_8xb8-300e_coco.py",
    teacher=dict(
        model="mmdet::yolox/yolox_l_8xb8-300e_coco.py",
        checkpoint=f"{folder}/{teacher}/{teacher}_20211126_140236-d3bd2b23.pth",
    ),
    logits="bbox_head[0][:]",
    input_shape=(3, 256, 256),
)
