# The last map of a foundation backbone, such as a ViT's patches, for the backbone of a detector or
# of a segmentation network: PKD's loss, which leaves the scale of features out, on the student's
# last map behind a linear layer. The combination is ours.
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
