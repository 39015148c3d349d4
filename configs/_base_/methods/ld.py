# LD on the edge distributions of GFL's head, which are its second output.
method = dict(
    dense=dict(
        model=dict(
            terms=dict(
                ld=dict(
                    student="bbox_head[1][:]",
                    teacher="bbox_head[1][:]",
                    loss=dict(
                        type="mmkd.LDLoss", temperature=10.0, loss_weight=0.25, reduction="sum"
                    ),
                    sample_weight=dict(type="mmkd.ConfidenceWeight", of="student"),
                    locations=dict(type="mmkd.DenseLocations", select="positives"),
                )
            )
        )
    )
)
options = dict(
    temperature="model.terms.ld.loss.temperature", weight="model.terms.ld.loss.loss_weight"
)
