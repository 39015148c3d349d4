# PKT in the settings of RepDistiller and mdistiller, on the pooled features.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                pkt=dict(
                    student="@pooled",
                    teacher="@pooled",
                    loss=dict(type="mmkd.PKTLoss"),
                    weight=30000.0,
                )
            )
        )
    )
)
options = dict(weight="model.terms.pkt.weight")
