_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        hint=dict(
            student="backbone.layer2",
            teacher="backbone.layer2",
            connector=dict(type="mmkd.ConvRegConnector"),
            loss=dict(type="mmkd.HintLoss"),
            weight=100.0,
        ),
    ),
)
