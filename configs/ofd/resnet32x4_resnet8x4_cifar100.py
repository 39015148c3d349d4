_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        ofd=dict(
            student=[
                "backbone.layer1.0.relu:input",
                "backbone.layer2.0.relu:input",
                "backbone.layer3.0.relu:input",
            ],
            teacher=[
                "backbone.layer1.4.relu:input",
                "backbone.layer2.4.relu:input",
                "backbone.layer3.4.relu:input",
            ],
            connector=dict(type="mmkd.ConvBNConnector"),
            loss=dict(
                type="mmkd.OFDLoss",
                norms=["backbone.layer1.4.bn2", "backbone.layer2.4.bn2", "backbone.layer3.4.bn2"],
            ),
            weight=1e-3,
        )
    )
)
