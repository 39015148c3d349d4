_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        srrl=dict(
            student="backbone.layer3",
            teacher="backbone.layer3",
            connector=dict(type="mmkd.ConvBNReLUConnector"),
            loss=dict(type="mmkd.SRRLLoss"),
        ),
    ),
)
