# KD-DETR: both decoders get the teacher's queries and as many random ones; each is weighed by the
# teacher's confidence that there is an object. The losses and their weights are those of DETR.
method = dict(
    queries=dict(
        model=dict(
            terms=dict(
                kddetr=dict(
                    loss=dict(
                        type="mmkd.QueryKDLoss",
                        classes=dict(type="mmkd.BinaryKDLoss", temperature=1.0),
                        box_weight=5.0,
                        iou_weight=2.0,
                        loss_weight=1.0,
                    ),
                    sample_weight=dict(
                        type="mmkd.ConfidenceWeight",
                        of="teacher",
                        activation="sigmoid",
                        background=False,
                        renormalize=True,
                    ),
                    locations=dict(type="mmkd.SharedQueries"),
                )
            )
        )
    )
)
options = dict(
    weight="model.terms.kddetr.loss.loss_weight",
    box_weight="model.terms.kddetr.loss.box_weight",
    iou_weight="model.terms.kddetr.loss.iou_weight",
    general="model.terms.kddetr.locations.general",
    specific="model.terms.kddetr.locations.specific",
    denoising="model.terms.kddetr.locations.denoising",
)
