_base_ = ["../../baseline/fasterrcnn_r18_w8_bccd.py", "../distillation.py"]

custom_imports = dict(imports=["mmkd"], allow_failed_imports=False)
model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmkd::baseline/fasterrcnn_r18_w8_bccd.py",
    teacher=dict(
        model="mmkd::baseline/fasterrcnn_r18_bccd.py",
        checkpoint="work_dirs/fasterrcnn_r18_bccd/epoch_12.pth",
    ),
    logits="roi_head.bbox_head.fc_cls",
    input_shape=(3, 256, 320),
)
