# SP in the settings of RepDistiller and mdistiller, on the last stages.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                sp=dict(
                    student="@stages[-1]",
                    teacher="@stages[-1]",
                    loss=dict(type="mmkd.SPLoss"),
                    weight=3000.0,
                )
            )
        )
    )
)
options = dict(weight="model.terms.sp.weight")
