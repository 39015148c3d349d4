# AB in RepDistiller's settings: for the first 30 epochs this loss acts alone and initialises the
# student.
method = dict(
    classifier=dict(
        model=dict(
            student_loss_schedule=dict(begin=30),
            terms=dict(
                ab=dict(
                    student="@preact",
                    teacher="@preact",
                    connector=dict(type="mmkd.ConvRegConnector", activation=False),
                    loss=dict(type="mmkd.ABLoss", margin=1.0),
                    weight=0.003,
                    schedule=dict(end=30),
                )
            ),
        )
    )
)
options = dict(
    margin="model.terms.ab.loss.margin",
    weight="model.terms.ab.weight",
    end="model.terms.ab.schedule.end",
    begin="model.student_loss_schedule.begin",
)
# The usual 240 epochs follow the first 30.
later = dict(train_cfg=dict(max_epochs=270), param_scheduler=dict(milestones=[180, 210, 240]))
pairs = ["resnet32x4_resnet8x4", "wrn_40_2_wrn_16_2", "wrn_40_2_wrn_40_1", "vgg13_vgg8"]
pairs += ["resnet32x4_ShuffleV2", "ResNet50_MobileNetV2", "vgg13_MobileNetV2"]
published = {f"{pair}_cifar100": later for pair in pairs}
# Here the first two of ten epochs initialise the student.
published["resnet20_resnet8_w8_fmnist8k"] = dict(
    model=dict(
        student_loss_schedule=dict(begin=2),
        terms=dict(
            ab=dict(
                connector=dict(_delete_=True, type="mmkd.ConvBNConnector"),
                schedule=dict(end=2),
            )
        ),
    )
)
del later, pairs
