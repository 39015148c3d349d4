_base_ = ["../kd/resnet20_resnet8_w8_fmnist8k.py", "../_base_/methods/erkd_mlkd.py"]

small = dict(views=1, class_weight=0.1)
terms = {k: dict(v, loss=dict(v["loss"], **small)) for k, v in _base_.erkd_mlkd.items()}
model = dict(terms=dict(_delete_=True, **terms))
