_base_ = ["./household.py", "../../../configs/_base_/distillation.py"]

model = dict(
    type="mmkd.Distiller",
    student="projects/household_objects/configs/student_household.py",
    teacher=dict(
        model="projects/household_objects/configs/teacher_catalogue.py",
        checkpoint="work_dirs/teacher_catalogue/epoch_8.pth",
        class_map="by_name",
    ),
    logits="roi_head.bbox_head.fc_cls",
    input_shape=(3, 128, 128),
    terms=dict(
        kd=dict(
            loss=dict(type="mmkd.KDLoss", temperature=1.0),
            sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0),
        )
    ),
)
