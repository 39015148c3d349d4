# OFD in mdistiller's settings. Its margins come from the batch norms that give the teacher's
# features. For the pairs below these norms are named; for another network there is one margin, 0,
# unless `loss.norms` names the norms.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                ofd=dict(
                    student="@preact",
                    teacher="@preact",
                    connector=dict(type="mmkd.ConvBNConnector"),
                    loss=dict(type="mmkd.OFDLoss", margin=0.0),
                    weight=1e-3,
                )
            )
        )
    )
)
options = dict(margin="model.terms.ofd.loss.margin", weight="model.terms.ofd.weight")
# In wide ResNets they are the norms that open the next stages.
wide = ["backbone.block2.layer.0.bn1", "backbone.block3.layer.0.bn1", "backbone.bn1"]
norms = dict(
    resnet32x4_resnet8x4_cifar100=[f"backbone.layer{stage}.4.bn2" for stage in (1, 2, 3)],
    vgg13_vgg8_cifar100=[f"backbone.block{stage}.4" for stage in (1, 2, 3, 4)],
    wrn_40_2_wrn_16_2_cifar100=wide,
    wrn_40_2_wrn_40_1_cifar100=wide,
    resnet20_resnet8_w8_fmnist8k=[f"backbone.layer{stage}.2.bn2" for stage in (1, 2, 3)],
)
published = {
    pair: dict(model=dict(terms=dict(ofd=dict(loss=dict(margin=None, norms=paths)))))
    for pair, paths in norms.items()
}
del wide, norms
