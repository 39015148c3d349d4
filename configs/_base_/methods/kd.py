# KD's settings of the literature: CIFAR's for classifiers, ER-KD's released ones for detectors.
sigmoid = dict(type="mmkd.BinaryKDLoss", temperature=1.0)
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.1,
            terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0), weight=0.9)),
        )
    ),
    roi=dict(
        model=dict(
            logits="roi_head.bbox_head.fc_cls",
            terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0), weight=1.0)),
        )
    ),
    dense=dict(
        model=dict(
            logits="bbox_head[0][:]",
            terms=dict(
                kd=dict(
                    loss=sigmoid,
                    locations=dict(type="mmkd.DenseLocations", select="positives"),
                    weight=1.0,
                )
            ),
        )
    ),
)
options = dict(
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
