# VkD, from the teacher's pooled feature alone: no labels and no logits are needed.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(vkd=dict(student="@map", teacher="@pooled", loss=dict(type="mmkd.VkDLoss")))
        )
    )
)
options = dict(weight="model.terms.vkd.weight")
