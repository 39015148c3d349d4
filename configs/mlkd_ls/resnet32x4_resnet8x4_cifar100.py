_base_ = ["../mlkd/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/mlkd_ls.py"]

model = dict(
    terms=dict(
        _delete_=True,
        mlkd=dict(loss=_base_.instances, weight=9.0),
        relations=dict(loss=_base_.relations, weight=9.0),
    )
)
