# NormKD in the defaults of its released code: KD with a separate temperature for student and
# teacher.
temperature = dict(type="mmkd.DeviationTemperature", scale=2.0)
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.1,
            terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=temperature), weight=0.9)),
        )
    )
)
options = dict(
    scale="model.terms.kd.loss.temperature.scale",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
# The settings of the released configs for ImageNet.
published = {
    f"{pair}_imagenet": dict(
        model=dict(
            student_loss_weight=0.5,
            terms=dict(kd=dict(loss=dict(temperature=dict(scale=1.0)), weight=0.5)),
        )
    )
    for pair in ("resnet34_resnet18", "resnet50_mobilenet_v1")
}
del temperature
