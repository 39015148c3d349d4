# DE-MKD: the two parts of DKD for several teachers, each weighted by the entropy of its prediction.
weight = dict(type="mmkd.EntropyTeacherWeight", form="softmax_inv")
tckd = dict(type="mmkd.TCKDLoss", temperature=4.0)
nckd = dict(type="mmkd.NCKDLoss", temperature=4.0)
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                tckd=dict(loss=tckd, teacher_weight=weight, weight=1.0),
                nckd=dict(loss=nckd, teacher_weight=weight, weight=6.0),
            )
        )
    )
)
options = dict(alpha="model.terms.tckd.weight", beta="model.terms.nckd.weight")
betas = dict(
    resnet32x4_x3_resnet8x4_cifar100=8.0,
    resnet32x4_x3_ShuffleV1_cifar100=8.0,
    resnet32x4_x3_ShuffleV2_cifar100=8.0,
    resnet56_x3_MobileNetV2_cifar100=2.0,
    resnet20_x3_resnet8_w8_fmnist8k=2.0,
)
published = {
    pair: dict(model=dict(terms=dict(nckd=dict(weight=beta)))) for pair, beta in betas.items()
}
del weight, tckd, nckd, betas
