# ER-KD's sample weight on KD-DETR: the weight of a query is the teacher's entropy for it, and not
# the teacher's confidence. The weights are divided by their mean, as KD-DETR's are. The combination
# is ours.
_base_ = "./kddetr.py"

weight = dict(
    _delete_=True,
    type="mmkd.EntropyWeight",
    temperature=4.0,
    activation="sigmoid",
    renormalize=True,
)
method = dict(queries=dict(model=dict(terms=dict(kddetr=dict(sample_weight=weight)))))
options = dict(entropy_temperature="model.terms.kddetr.sample_weight.temperature")
del weight
