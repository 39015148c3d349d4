# ER-DIST: DIST whose part within samples is weighted by the teacher's entropy.
_base_ = "./dist.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(model=dict(terms=dict(dist=dict(sample_weight=weight, weight=1.0))))
method = dict(classifier=model, segmentor=model)
options = dict(entropy_temperature="model.terms.dist.sample_weight.temperature")
del weight, model
