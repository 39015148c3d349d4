_base_ = ["./student_digits.py", "../_base_/distillation.py"]

model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmkd::quickstart/student_digits.py",
    teacher=dict(
        model="mmkd::quickstart/teacher_digits.py",
        checkpoint="work_dirs/teacher_digits/epoch_30.pth",
    ),
    student_loss_weight=0.1,
    input_shape=(1, 8, 8),
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0), weight=0.9)),
)
