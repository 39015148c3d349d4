# EA-CTKD: CTKD weighted by the entropies of teacher and student.
_base_ = "./ctkd.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
method = dict(classifier=dict(model=dict(terms=dict(kd=dict(sample_weight=weight)))))
options = dict(entropy_temperature="model.terms.kd.sample_weight.temperature")
del weight
