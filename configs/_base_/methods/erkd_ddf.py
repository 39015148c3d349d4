# ER-KD's sample weight on DDF: each place's weight is multiplied by the teacher's entropy there,
# the mean of the binary entropies of the classes. The combination is ours.
_base_ = "./ddf.py"

entropy = dict(type="mmkd.EntropyWeight", temperature=4.0, activation="sigmoid")
weight = dict(sample_weight=dict(factor=entropy))
method = dict(distributions=dict(model=dict(terms=dict(ddf=weight))))
options = dict(entropy_temperature="model.terms.ddf.sample_weight.factor.temperature")
del entropy, weight
