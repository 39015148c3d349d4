# PAD on the pooled features. For the pair that is named below these features are regressed first,
# as in torchdistill.
pooled = dict(student="@pooled", teacher="@pooled")
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                pad=dict(student="@pooled", teacher="@pooled", loss=dict(type="mmkd.PADLoss"))
            )
        )
    )
)
options = dict(weight="model.terms.pad.weight")
published = dict(
    resnet32x4_resnet8x4_cifar100=dict(
        model=dict(
            terms=dict(
                _delete_=True,
                l2=dict(
                    **pooled, loss=dict(type="mmkd.HintLoss"), weight=15.0, schedule=dict(end=150)
                ),
                pad=dict(**pooled, loss=dict(type="mmkd.PADLoss"), schedule=dict(begin=150)),
            )
        )
    )
)
del pooled
