# ReviewKD in the form of mdistiller: the student's stages after their activation, the teacher's
# before it, and both pooled features. Detectors review the levels of their necks.
review = dict(connector=dict(type="mmkd.ReviewConnector"), loss=dict(type="mmkd.ReviewKDLoss"))
levels = dict(student="@levels", teacher="@levels", weight=1.0, **review)
stages = dict(student=["@stages", "@pooled"], teacher=["@preact", "@pooled"], weight=5.0, **review)
method = dict(
    classifier=dict(model=dict(terms=dict(reviewkd=stages))),
    roi=dict(model=dict(terms=dict(reviewkd=levels))),
    dense=dict(model=dict(terms=dict(reviewkd=levels))),
)
options = dict(weight="model.terms.reviewkd.weight", warmup="model.terms.reviewkd.schedule.warmup")
# The released scripts have no weight for the pairs of MobileNetV2 and vgg8; here they have the
# weight of most others.
weights = dict(
    resnet32x4_resnet8x4=5.0,
    vgg13_vgg8=5.0,
    wrn_40_2_wrn_16_2=5.0,
    wrn_40_2_wrn_40_1=5.0,
    resnet32x4_ShuffleV2=8.0,
    ResNet50_MobileNetV2=5.0,
    vgg13_MobileNetV2=5.0,
)
published = {
    f"{pair}_cifar100": dict(
        model=dict(terms=dict(reviewkd=dict(weight=weight, schedule=dict(warmup=20))))
    )
    for pair, weight in weights.items()
}
# The stages after their ReLU: in ReviewKD's code the ReLU overwrites what is collected before it.
published["resnet34_resnet18_imagenet_256"] = dict(
    model=dict(terms=dict(reviewkd=dict(teacher=["@stages", "@pooled"], weight=1.0)))
)
# The student's stages before their ReLU, the teacher's after it, as in ReviewKD's code.
published["resnet50_mobilenet_v1_imagenet_256"] = dict(
    model=dict(
        terms=dict(
            reviewkd=dict(
                student=["@preact", "@pooled"],
                teacher=["@stages", "@pooled"],
                connector=dict(max_mid_channels=256),
                weight=8.0,
            )
        )
    )
)
published["resnet20_resnet8_w8_fmnist8k"] = dict(model=dict(terms=dict(reviewkd=dict(weight=0.6))))
boxes = dict(fasterrcnn_r101_r18=1.2, fasterrcnn_r50_mv2=2.0)
published |= {
    f"{pair}{schedule}_coco": dict(model=dict(terms=dict(reviewkd=dict(weight=weight))))
    for pair, weight in boxes.items()
    for schedule in ("", "_180k")
}
del review, levels, stages, weights, boxes
