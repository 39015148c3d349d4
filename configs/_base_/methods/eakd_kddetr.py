# EA-KD's sample weight on KD-DETR: each query weighs by the entropies of the teacher's and of the
# student's prediction for it, in place of the teacher's confidence, and the weights are divided by
# their mean, as KD-DETR's are. The combination is ours.
_base_ = "./kddetr.py"

weight = dict(
    _delete_=True,
    type="mmkd.EntropyAdaptiveWeight",
    temperature=4.0,
    activation="sigmoid",
    renormalize=True,
)
method = dict(queries=dict(model=dict(terms=dict(kddetr=dict(sample_weight=weight)))))
options = dict(entropy_temperature="model.terms.kddetr.sample_weight.temperature")
del weight
