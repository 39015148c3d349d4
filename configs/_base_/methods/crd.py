# The paper's settings of CRD on CIFAR-100, on the pooled features. Its memory has a place for each
# training image: give the number of images, or `loss.queue_size` for a queue in place of the
# memory.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                crd=dict(
                    student="@pooled",
                    teacher="@pooled",
                    loss=dict(type="mmkd.CRDLoss", num_samples=50000, negatives=16384),
                    weight=0.8,
                )
            )
        )
    )
)
options = dict(
    num_samples="model.terms.crd.loss.num_samples",
    negatives="model.terms.crd.loss.negatives",
    weight="model.terms.crd.weight",
)
published = dict(
    resnet34_resnet18_imagenet_256=dict(
        model=dict(terms=dict(crd=dict(loss=dict(num_samples=1281167))))
    ),
    resnet20_resnet8_w8_fmnist8k=dict(
        model=dict(terms=dict(crd=dict(loss=dict(num_samples=8000, negatives=4096))))
    ),
)
