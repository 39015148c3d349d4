# ER-ReviewKD: ReviewKD weighted by the teacher's entropy.
_base_ = "./reviewkd.py"

classifier = _base_.method.classifier
classifier.model.terms.reviewkd.sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
method = dict(_delete_=True, classifier=classifier)
options = dict(entropy_temperature="model.terms.reviewkd.sample_weight.temperature")
# The recipe of ReviewKD's own code, which ER-KD's released code keeps for this method.
rates = dict(
    resnet32x4_resnet8x4=0.1,
    vgg13_vgg8=0.1,
    wrn_40_2_wrn_16_2=0.1,
    wrn_40_2_wrn_40_1=0.1,
    resnet32x4_ShuffleV2=0.02,
    ResNet50_MobileNetV2=0.02,
    vgg13_MobileNetV2=0.02,
)
published = {
    f"{pair}_cifar100": dict(
        train_dataloader=dict(batch_size=128),
        optim_wrapper=dict(optimizer=dict(lr=rate, nesterov=True)),
        auto_scale_lr=dict(base_batch_size=128),
    )
    for pair, rate in rates.items()
}
del classifier, rates
