# ER-KD's weight on DynamicKD.
_base_ = "./dynamickd.py"

weighted = dict(kd=dict(sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0)))
method = dict(classifier=dict(model=dict(terms=weighted)), roi=dict(model=dict(terms=weighted)))
options = dict(entropy_temperature="model.terms.kd.sample_weight.temperature")
del weighted
