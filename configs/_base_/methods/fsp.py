# FSP in RepDistiller's settings: for the first 30 epochs this loss acts alone and initialises the
# student. For the pairs that are named below its flows begin at the stem.
method = dict(
    classifier=dict(
        model=dict(
            student_loss_schedule=dict(begin=30),
            terms=dict(
                fsp=dict(
                    student="@stages",
                    teacher="@stages",
                    loss=dict(type="mmkd.FSPLoss"),
                    schedule=dict(end=30),
                )
            ),
        )
    )
)
options = dict(end="model.terms.fsp.schedule.end", begin="model.student_loss_schedule.begin")
layers = ["backbone.relu", "backbone.layer1", "backbone.layer2", "backbone.layer3"]
stems = dict(
    resnet32x4_resnet8x4=layers,
    vgg13_vgg8=[f"backbone.relu{stage}" for stage in range(5)],
    wrn_40_2_wrn_16_2=["backbone.conv1", *(f"backbone.block{stage}" for stage in (1, 2, 3))],
)
# The usual 240 epochs follow the first 30.
published = {
    f"{pair}_cifar100": dict(
        model=dict(terms=dict(fsp=dict(student=taps, teacher=taps))),
        train_cfg=dict(max_epochs=270),
        param_scheduler=dict(milestones=[180, 210, 240]),
    )
    for pair, taps in stems.items()
}
# Here the first two of ten epochs initialise the student.
published["resnet20_resnet8_w8_fmnist8k"] = dict(
    model=dict(
        student_loss_schedule=dict(begin=2),
        terms=dict(fsp=dict(student=layers, teacher=layers, schedule=dict(end=2))),
    )
)
del layers, stems
