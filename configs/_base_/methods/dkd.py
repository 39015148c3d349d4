method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                dkd=dict(
                    loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=8.0, temperature=4.0),
                    schedule=dict(warmup=20),
                )
            )
        )
    )
)
options = dict(
    alpha="model.terms.dkd.loss.alpha",
    beta="model.terms.dkd.loss.beta",
    temperature="model.terms.dkd.loss.temperature",
)
