_base_ = "mmdet::rtmdet/rtmdet_s_8xb32-300e_coco.py"

custom_imports = dict(imports=["mmkd"], allow_failed_imports=False)
hooks = ["StepCheckHook", "TeacherEvaluationHook", "StatisticsHook", "StudentCheckpointHook"]
custom_hooks = [*_base_.custom_hooks, *(dict(type=f"mmkd.{hook}") for hook in hooks)]
# rtmdet_l_8xb32-300e_coco: mmdet's released teacher.
teacher = "rtmdet_l_8xb32-300e_coco"
folder = "https://download.openmmlab.com/mmdetection/v3.0/rtmdet"
model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmdet::rtmdet/rtmdet_s_8xb32-300e_coco.py",
    teacher=dict(
        model=f"mmdet::rtmdet/{teacher}.py",
        checkpoint=f"{folder}/{teacher}/{teacher}_20220719_112030-5a0be7c4.pth",
    ),
    logits="bbox_head[0][:]",
    input_shape=(3, 256, 256),
)
