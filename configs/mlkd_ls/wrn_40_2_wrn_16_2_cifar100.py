_base_ = ["../mlkd/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/mlkd_ls.py"]

model = dict(
    terms=dict(
        _delete_=True,
        mlkd=dict(loss=_base_.instances, weight=9.0),
        relations=dict(loss=_base_.relations, weight=9.0),
    )
)
