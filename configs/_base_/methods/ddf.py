# D-FINE's DDF on the edge distributions of GFL's head, which are its second output, between two
# networks: T = 5 and the weight of 1.5 are those of the released code.
method = dict(
    distributions=dict(
        model=dict(
            terms=dict(
                ddf=dict(
                    student="bbox_head[1][:]",
                    teacher="bbox_head[1][:]",
                    loss=dict(
                        type="mmkd.LDLoss",
                        temperature=5.0,
                        bin_mean=False,
                        loss_weight=1.5,
                        reduction="sum",
                    ),
                    sample_weight=dict(type="mmkd.DDFWeight"),
                    locations=dict(type="mmkd.DenseLocations", select="all", overlaps=True),
                )
            )
        )
    )
)
options = dict(
    temperature="model.terms.ddf.loss.temperature", weight="model.terms.ddf.loss.loss_weight"
)
