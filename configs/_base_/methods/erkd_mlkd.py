# ER-MLKD: a term for each of MLKD's temperatures, at which the entropy is taken too.
mlkd = {
    f"mlkd_{temperature}": dict(
        loss=dict(type="mmkd.MLKDLoss", temperatures=[temperature]),
        sample_weight=dict(type="mmkd.EntropyWeight", temperature=temperature),
        weight=0.9,
    )
    for temperature in (4, 3, 5, 2, 6)
}
method = dict(classifier=dict(model=dict(student_loss_weight=0.1, terms=mlkd)))
epochs = dict(
    resnet32x4_resnet8x4=240,
    vgg13_vgg8=240,
    wrn_40_2_wrn_16_2=240,
    wrn_40_2_wrn_40_1=240,
    resnet32x4_ShuffleV2=240,
    ResNet50_MobileNetV2=300,
    vgg13_MobileNetV2=300,
)
two_views = dict(student_loss_weight=0.2, terms={term: dict(loss=dict(views=2)) for term in mlkd})
published = {
    f"{pair}_cifar100_two_views": dict(model=two_views, train_cfg=dict(max_epochs=count))
    for pair, count in epochs.items()
}
published["resnet32x4_resnet8x4_tiny_imagenet_two_views"] = dict(
    model=two_views, optim_wrapper=dict(optimizer=dict(lr=0.025))
)
# For the reason that mlkd.py gives.
published["resnet20_resnet8_w8_fmnist8k"] = dict(
    model=dict(terms={term: dict(loss=dict(class_weight=0.1)) for term in mlkd})
)
options = dict(student_loss_weight="model.student_loss_weight")
del mlkd, epochs, two_views
