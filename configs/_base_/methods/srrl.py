# SRRL in the settings of the released code, on the last maps.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                srrl=dict(
                    student="@map",
                    teacher="@map",
                    connector=dict(type="mmkd.ConvBNReLUConnector"),
                    loss=dict(type="mmkd.SRRLLoss"),
                )
            )
        )
    )
)
options = dict(weight="model.terms.srrl.weight")
