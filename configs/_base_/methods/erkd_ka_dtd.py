# ER-KD's weight on KA and DTD.
_base_ = "./ka_dtd.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
method = dict(classifier=dict(model=dict(terms=dict(kd=dict(sample_weight=weight)))))
options = dict(entropy_temperature="model.terms.kd.sample_weight.temperature")
del weight
