# FT in RepDistiller's form, with its weight, on the last stages.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                ft=dict(
                    student="@stages[-1]",
                    teacher="@stages[-1]",
                    loss=dict(type="mmkd.FTLoss", form="attention", reconstruction_weight=0.005),
                    weight=200.0,
                )
            )
        )
    )
)
options = dict(form="model.terms.ft.loss.form", weight="model.terms.ft.weight")
# torchdistill's settings: the paper's form. The weight of 1000 multiplies the paraphraser's error,
# whose weight is then 1.
published = dict(
    resnet34_resnet18_imagenet_256=dict(
        model=dict(
            terms=dict(
                ft=dict(loss=dict(form="factor", reconstruction_weight=0.001), weight=1000.0)
            )
        ),
        train_cfg=dict(max_epochs=90),
    )
)
