_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        ofd=dict(
            student=[
                "backbone.layer1.0.relu:input",
                "backbone.layer2.0.relu:input",
                "backbone.layer3.0.relu:input",
            ],
            teacher=[
                "backbone.layer1.2.relu:input",
                "backbone.layer2.2.relu:input",
                "backbone.layer3.2.relu:input",
            ],
            connector=dict(type="mmkd.ConvBNConnector"),
            loss=dict(
                type="mmkd.OFDLoss",
                norms=["backbone.layer1.2.bn2", "backbone.layer2.2.bn2", "backbone.layer3.2.bn2"],
            ),
            weight=1e-3,
        ),
    ),
)
