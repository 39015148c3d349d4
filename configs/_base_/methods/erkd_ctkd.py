# ER-CTKD: CTKD weighted by the teacher's entropy.
_base_ = "./ctkd.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
method = dict(classifier=dict(model=dict(terms=dict(kd=dict(sample_weight=weight)))))
options = dict(entropy_temperature="model.terms.kd.sample_weight.temperature")
del weight
