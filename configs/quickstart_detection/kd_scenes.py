_base_ = ["./student_scenes.py", "../_base_/distillation.py"]

custom_imports = dict(imports=["mmkd"], allow_failed_imports=False)
model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmkd::quickstart_detection/student_scenes.py",
    teacher=dict(
        model="mmkd::quickstart_detection/teacher_scenes.py",
        checkpoint="work_dirs/teacher_scenes/epoch_12.pth",
    ),
    logits="roi_head.bbox_head.fc_cls",
    input_shape=(3, 128, 128),
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))),
)
