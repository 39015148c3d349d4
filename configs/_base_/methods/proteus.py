# Proteus in the settings of the released code for DINOv2. For a student without patches the part on
# masked patches is left out.
taps = ["@pooled", "@map"]
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                proteus=dict(
                    student=taps,
                    teacher=taps,
                    loss=dict(
                        type="mmkd.ProteusLoss",
                        class_weight=1.0,
                        token_weight=1.0,
                        patch_weight=1.0,
                    ),
                )
            )
        )
    )
)
options = dict(
    weight="model.terms.proteus.weight",
    class_weight="model.terms.proteus.loss.class_weight",
    token_weight="model.terms.proteus.loss.token_weight",
    patch_weight="model.terms.proteus.loss.patch_weight",
)
del taps
