# EA-KD: KD weighted by the entropies of teacher and student. Its detection code is not released:
# ER-KD's temperature there, and the logarithm of the number of classes with background (of a
# sigmoid ln 2) as bound, are our interpretation; so is the same on pixels and on classes of
# mask queries.
_base_ = "./kd.py"

softmax = dict(kd=dict(sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)))
sigmoid = dict(
    kd=dict(
        sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0, activation="sigmoid")
    )
)
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                kd=dict(sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0))
            )
        )
    ),
    roi=dict(model=dict(terms=softmax)),
    dense=dict(model=dict(terms=sigmoid)),
    queries=dict(model=dict(terms=sigmoid)),
    masks=dict(model=dict(terms=softmax)),
    segmentor=dict(model=dict(terms=softmax)),
)
options = dict(entropy_temperature="model.terms.kd.sample_weight.temperature")
transformers = dict(model=dict(terms=dict(kd=dict(sample_weight=dict(temperature=2.0)))))
# Not released for MobileNetV1, which has the settings of ResNet18.
imagenet = dict(
    model=dict(student_loss_weight=1.0, terms=dict(kd=dict(sample_weight=dict(temperature=2.0))))
)
published = dict(
    deit_base_384_ResNet18_tiny_imagenet=transformers,
    swin_large_384_ResNet18_tiny_imagenet=transformers,
    vit_large_384_ResNet18_tiny_imagenet=transformers,
    resnet34_resnet18_imagenet=imagenet,
    resnet50_mobilenet_v1_imagenet=imagenet,
)
del softmax, sigmoid, transformers, imagenet
