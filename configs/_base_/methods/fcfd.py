# FCFD beside KD of the same temperature. For the pairs that are named below the stages are those of
# the released code, and for others each network's own.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0)),
                fcfd=dict(
                    student="@stages",
                    teacher="@stages",
                    loss=dict(type="mmkd.FCFD", temperature=4.0, feature_weight=5.0),
                ),
            )
        )
    )
)
options = dict(
    feature_weight="model.terms.fcfd.loss.feature_weight",
    path_weight="model.terms.fcfd.loss.path_weight",
    paths="model.terms.fcfd.loss.paths",
    warmup="model.terms.fcfd.loss.feature_schedule.warmup",
)
layers = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
norms = ["backbone.block1", "backbone.block2", "backbone.bn1"]
blocks = [f"backbone.block{stage}" for stage in (1, 2, 3, 4)]
mobile = ["backbone.blocks.1", "backbone.blocks.2", "backbone.blocks.4", "backbone.conv2.1"]
shuffle = ["backbone.layer1", "backbone.layer2", "backbone.relu2"]
# Student, teacher and temperature.
cifar = dict(
    resnet32x4_resnet8x4=(layers, layers, 4.0),
    vgg13_vgg8=(blocks, blocks, 4.0),
    wrn_40_2_wrn_16_2=(norms, norms, 4.0),
    wrn_40_2_wrn_40_1=(norms, norms, 4.0),
    resnet32x4_ShuffleV2=(shuffle, layers, 8.0),
    ResNet50_MobileNetV2=(mobile, [*layers, "backbone.layer4"], 8.0),
    vgg13_MobileNetV2=(mobile, blocks, 4.0),
)
published = {
    f"{pair}_cifar100": dict(
        model=dict(
            terms=dict(
                kd=dict(loss=dict(temperature=temperature)),
                fcfd=dict(
                    student=student,
                    teacher=teacher,
                    loss=dict(temperature=temperature, paths=2, feature_schedule=dict(warmup=20)),
                ),
            )
        ),
        optim_wrapper=dict(optimizer=dict(nesterov=True)),
    )
    for pair, (student, teacher, temperature) in cifar.items()
}
terms = published["wrn_40_2_wrn_16_2_cifar100"]["model"]["terms"]
terms["fcfd"]["loss"]["path_weight"] = 0.2
imagenet = dict(resnet34_resnet18=0.02, resnet50_mobilenet_v1=5.0)
published |= {
    f"{pair}_imagenet_256": dict(
        model=dict(
            terms=dict(
                kd=dict(loss=dict(temperature=1.0)),
                fcfd=dict(
                    loss=dict(
                        temperature=1.0,
                        feature_weight=weight,
                        feature_schedule=dict(warmup=5),
                    )
                ),
            )
        ),
        optim_wrapper=dict(optimizer=dict(nesterov=True)),
    )
    for pair, weight in imagenet.items()
}
del layers, norms, blocks, mobile, shuffle, cifar, terms, imagenet
