_base_ = ["../mlkd/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/mlkd_ls.py"]

model = dict(
    terms=dict(
        _delete_=True,
        mlkd=dict(loss=_base_.instances, weight=6.0),
        relations=dict(loss=_base_.relations, weight=6.0),
    )
)
