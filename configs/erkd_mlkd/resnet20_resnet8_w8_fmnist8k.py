_base_ = ["../kd/resnet20_resnet8_w8_fmnist8k.py", "../_base_/methods/erkd_mlkd.py"]

terms = {k: dict(v, loss=dict(v["loss"], views=1)) for k, v in _base_.erkd_mlkd.items()}
model = dict(terms=dict(_delete_=True, **terms))
