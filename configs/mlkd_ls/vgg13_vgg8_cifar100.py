_base_ = ["../mlkd/vgg13_vgg8_cifar100.py", "../_base_/methods/mlkd_ls.py"]

model = dict(
    terms=dict(
        _delete_=True,
        mlkd=dict(loss=_base_.instances, weight=6.0),
        relations=dict(loss=_base_.relations, weight=6.0),
    )
)
