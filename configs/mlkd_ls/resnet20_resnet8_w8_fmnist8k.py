_base_ = ["../mlkd/resnet20_resnet8_w8_fmnist8k.py", "../_base_/methods/mlkd_ls.py"]

model = dict(
    terms=dict(
        _delete_=True,
        mlkd=dict(loss=dict(_base_.instances, views=1), weight=9.0),
        relations=dict(loss=dict(_base_.relations, views=1, class_weight=0.1), weight=9.0),
    )
)
