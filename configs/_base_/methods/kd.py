# KD in the settings of RepDistiller. In detectors it has those of ER-KD's released code: a
# temperature of 1 and a weight of 1 beside all of the detector's own losses; CIRKD's code has the
# same for the pixels of segmentation. Mask queries that are matched to one object compare their
# classes and their masks, with the weights of Mask2Former's own losses relative to each other.
binary = dict(type="mmkd.BinaryKDLoss", temperature=1.0)
positives = dict(type="mmkd.DenseLocations", select="positives")
matched = dict(type="mmkd.MatchedQueries")
pixels = dict(type="mmkd.PixelLocations")
masks = dict(type="mmkd.MaskQueries")
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.1,
            terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0), weight=0.9)),
        )
    ),
    roi=dict(model=dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))))),
    dense=dict(model=dict(terms=dict(kd=dict(loss=binary, locations=positives)))),
    queries=dict(model=dict(terms=dict(kd=dict(loss=binary, locations=matched)))),
    masks=dict(
        model=dict(
            terms=dict(
                kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0), locations=masks),
                kd_masks=dict(
                    student="@masks",
                    teacher="@masks",
                    loss=dict(type="mmkd.BinaryKDLoss", temperature=1.0, class_mean=True),
                    weight=2.5,
                    locations=masks,
                ),
            )
        )
    ),
    segmentor=dict(
        model=dict(
            terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0), locations=pixels))
        )
    ),
)
options = dict(
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
# mdistiller's settings on ImageNet.
imagenet = dict(
    model=dict(student_loss_weight=0.5, terms=dict(kd=dict(loss=dict(temperature=1.0), weight=0.5)))
)
published = dict(resnet34_resnet18_imagenet=imagenet, resnet50_mobilenet_v1_imagenet=imagenet)
del binary, positives, matched, pixels, masks, imagenet
