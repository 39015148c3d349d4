# DKD. Its beta depends on the teacher: mdistiller has 8, 6 or 2, and 0.25 on RoIs. To use the value
# of RoIs for pixels is our interpretation.
labels = "roi_head.bbox_head.loss_cls:input[1]"
places = dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.25, temperature=1.0)
pixels = dict(type="mmkd.PixelLocations")
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                dkd=dict(loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=6.0, temperature=4.0))
            )
        )
    ),
    roi=dict(model=dict(terms=dict(dkd=dict(loss=places, labels=labels)))),
    segmentor=dict(model=dict(terms=dict(dkd=dict(loss=places, locations=pixels)))),
)
options = dict(
    alpha="model.terms.dkd.loss.alpha",
    beta="model.terms.dkd.loss.beta",
    temperature="model.terms.dkd.loss.temperature",
    warmup="model.terms.dkd.schedule.warmup",
)
betas = dict(
    resnet32x4_resnet8x4=8.0,
    vgg13_vgg8=6.0,
    wrn_40_2_wrn_16_2=6.0,
    wrn_40_2_wrn_40_1=6.0,
    resnet32x4_ShuffleV2=8.0,
    ResNet50_MobileNetV2=8.0,
    vgg13_MobileNetV2=6.0,
)
published = {
    f"{pair}_cifar100": dict(
        model=dict(terms=dict(dkd=dict(loss=dict(beta=beta), schedule=dict(warmup=20))))
    )
    for pair, beta in betas.items()
}
published["resnet34_resnet18_imagenet"] = dict(
    model=dict(terms=dict(dkd=dict(loss=dict(beta=0.5, temperature=1.0))))
)
published["resnet50_mobilenet_v1_imagenet"] = dict(
    model=dict(terms=dict(dkd=dict(loss=dict(beta=2.0, temperature=1.0))))
)
# mdistiller's beta for narrow networks.
published["resnet20_resnet8_w8_fmnist8k"] = dict(
    model=dict(terms=dict(dkd=dict(loss=dict(beta=2.0))))
)
del labels, places, pixels, betas
