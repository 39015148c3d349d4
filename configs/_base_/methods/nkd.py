# NKD in its released settings on ImageNet.
method = dict(
    classifier=dict(
        model=dict(terms=dict(nkd=dict(loss=dict(type="mmkd.NKDLoss", gamma=1.5, temperature=1.0))))
    )
)
options = dict(gamma="model.terms.nkd.loss.gamma", temperature="model.terms.nkd.loss.temperature")
published = dict(
    resnet32x4_resnet8x4_cifar100=dict(
        model=dict(terms=dict(nkd=dict(loss=dict(gamma=3.5, temperature=3.0))))
    )
)
