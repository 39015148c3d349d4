# EA-KD: KD weighted by the entropies of teacher and student. Its detection code is not released.
# For detectors the temperature of ER-KD and the bound, the logarithm of the number of classes with
# background (ln 2 for a sigmoid), are our interpretation, and so are the weights of pixels and of
# the classes of mask queries.
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
# The settings for MobileNetV1 are not released: it has those of ResNet18.
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
