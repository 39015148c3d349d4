# ER-DKD: DKD weighted by the teacher's entropy, with about a third of its beta.
_base_ = "./dkd.py"

weighted = dict(dkd=dict(sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0)))
model = dict(model=dict(terms=weighted))
method = dict(classifier=model, roi=model, segmentor=model)
options = dict(entropy_temperature="model.terms.dkd.sample_weight.temperature")
betas = dict(
    resnet32x4_resnet8x4_cifar100=3.0,
    vgg13_vgg8_cifar100=2.0,
    wrn_40_2_wrn_16_2_cifar100=2.0,
    wrn_40_2_wrn_40_1_cifar100=2.0,
    resnet32x4_ShuffleV2_cifar100=3.0,
    ResNet50_MobileNetV2_cifar100=3.0,
    vgg13_MobileNetV2_cifar100=2.0,
    resnet20_resnet8_w8_fmnist8k=0.7,
)
published = {
    pair: dict(model=dict(terms=dict(dkd=dict(loss=dict(beta=beta)))))
    for pair, beta in betas.items()
}
del weighted, model, betas
