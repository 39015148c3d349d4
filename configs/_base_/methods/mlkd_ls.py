# MLKD with logit standardisation, as in the code of LS: it acts in the divergence alone, and the
# base temperature is 2. The correlations are those of the raw logits.
five = dict(type="mmkd.MLKDLoss", temperatures=[2.0, 3.0, 5.0, 2.0, 6.0])
instances = dict(class_weight=0.0, batch_weight=0.0, transforms=[dict(type="mmkd.Standardize")])
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.1,
            terms=dict(
                mlkd=dict(loss=dict(**five, **instances), weight=9.0),
                relations=dict(loss=dict(**five, kl_weight=0.0), weight=9.0),
            ),
        )
    )
)
options = dict(student_loss_weight="model.student_loss_weight")
weights = dict(
    resnet32x4_resnet8x4=9.0,
    vgg13_vgg8=6.0,
    wrn_40_2_wrn_16_2=9.0,
    wrn_40_2_wrn_40_1=9.0,
    resnet32x4_ShuffleV2=6.0,
    ResNet50_MobileNetV2=9.0,
    vgg13_MobileNetV2=6.0,
)
published = {
    f"{pair}_cifar100_two_views": dict(
        model=dict(
            student_loss_weight=0.2,
            terms=dict(
                mlkd=dict(loss=dict(views=2), weight=weight),
                relations=dict(loss=dict(views=2), weight=weight),
            ),
        )
    )
    for pair, weight in weights.items()
}
published["resnet32x4_ShuffleV2_cifar100_two_views"]["train_cfg"] = dict(max_epochs=960)
published["vgg13_vgg8_cifar100_two_views"]["optim_wrapper"] = dict(optimizer=dict(lr=0.01))
# For the reason that mlkd.py gives.
published["resnet20_resnet8_w8_fmnist8k"] = dict(
    model=dict(terms=dict(relations=dict(loss=dict(class_weight=0.1))))
)
del five, instances, weights
