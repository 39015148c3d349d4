# Be Your Own Teacher: the two stages before the last get classifiers, which learn from the deepest
# classifier. The weight of the hint is that of the released code for 512 channels and 128 images.
method = dict(
    classifier=dict(
        model=dict(
            type="mmkd.SelfDistiller",
            branches=dict(early="@stages[-3]", middle="@stages[-2]"),
            branch_loss_weight=0.9,
            terms=dict(
                kd=dict(loss=dict(type="mmkd.KDLoss", temperature=3.0), weight=0.1),
                hint=dict(
                    student="neck",
                    teacher="neck",
                    loss=dict(type="mmkd.HintLoss"),
                    weight=0.065536,
                ),
            ),
        )
    )
)
options = dict(
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    hint_weight="model.terms.hint.weight",
    branch_loss_weight="model.branch_loss_weight",
)
