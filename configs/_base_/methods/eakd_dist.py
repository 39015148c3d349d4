# EA-DIST: DIST whose part within samples is weighted by both networks' entropies.
_base_ = "./dist.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
model = dict(model=dict(terms=dict(dist=dict(sample_weight=weight, weight=1.0))))
method = dict(classifier=model, segmentor=model)
options = dict(entropy_temperature="model.terms.dist.sample_weight.temperature")
del weight, model
