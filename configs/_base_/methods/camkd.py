# CA-MKD: several teachers, each weighted by how well it knows the label.
_base_ = "./aver.py"

weight = dict(type="mmkd.CAMKDWeight")
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                kd=dict(teacher_weight=weight),
                feature=dict(
                    student="@map",
                    teacher="@map",
                    connector=dict(type="mmkd.ConvBNReLUConnector"),
                    loss=dict(type="mmkd.HintLoss"),
                    teacher_weight=weight,
                    weigh_through=["@logits"],
                    weight=50.0,
                    schedule=dict(begin=1),
                ),
            )
        )
    )
)
options = dict(feature_weight="model.terms.feature.weight")
# MobileNetV2's last stage, before its final 1x1 convolution, as in the released code.
published = {
    f"{pair}_cifar100": dict(model=dict(terms=dict(feature=dict(student="@stages[-1]"))))
    for pair in ("resnet56_x3_MobileNetV2", "vgg13_x3_MobileNetV2")
}
del weight
