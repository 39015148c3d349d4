# The backbone of a detector or of a segmentation network learns the last map of a foundation
# backbone, such as a ViT's patches. The loss is PKD's, which ignores the scale of features; the
# student's last map passes a linear layer first. The combination is ours.
hint = dict(
    model=dict(
        terms=dict(
            foundation=dict(
                student="@map",
                teacher="@map",
                loss=dict(type="mmkd.PKDLoss", loss_weight=1.0),
            )
        )
    )
)
method = dict(roi=hint, dense=hint, queries=hint, masks=hint, segmentor=hint)
options = dict(weight="model.terms.foundation.loss.loss_weight")
del hint
