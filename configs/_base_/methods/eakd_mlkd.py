# EA-MLKD: MLKD weighted by the entropies of teacher and student.
_base_ = "./mlkd.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
method = dict(classifier=dict(model=dict(terms=dict(mlkd=dict(sample_weight=weight)))))
options = dict(entropy_temperature="model.terms.mlkd.sample_weight.temperature")
del weight
