# CAT-KD. Weight and resolution are those of the released config for each pair that is named below.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                cat=dict(
                    student="@map",
                    teacher="@map",
                    loss=dict(type="mmkd.CATKDLoss", resolution=2),
                    weight=15.0,
                )
            )
        )
    )
)
options = dict(
    resolution="model.terms.cat.loss.resolution",
    normalize="model.terms.cat.loss.normalize",
    weight="model.terms.cat.weight",
)
# Weight, resolution, and whether activation maps are scaled to unit length.
pairs = dict(
    resnet32x4_resnet8x4_cifar100=(15.0, 2, False),
    vgg13_vgg8_cifar100=(4.5, 2, False),
    wrn_40_2_wrn_16_2_cifar100=(12.0, 2, False),
    wrn_40_2_wrn_40_1_cifar100=(1.5, 2, False),
    resnet32x4_ShuffleV2_cifar100=(600.0, 4, True),
    ResNet50_MobileNetV2_cifar100=(40.0, 2, True),
    resnet34_resnet18_imagenet=(0.5, 4, False),
)
published = {
    pair: dict(
        model=dict(
            terms=dict(cat=dict(loss=dict(resolution=side, normalize=scaled), weight=weight))
        )
    )
    for pair, (weight, side, scaled) in pairs.items()
}
del pairs
