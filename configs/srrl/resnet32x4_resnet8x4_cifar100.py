_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        srrl=dict(
            student="backbone.layer3",
            teacher="backbone.layer3",
            connector=dict(type="mmkd.ConvBNReLUConnector"),
            loss=dict(type="mmkd.SRRLLoss"),
        )
    )
)
