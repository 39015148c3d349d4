_base_ = "./kd.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
sigmoid_weight = dict(type="mmkd.EntropyWeight", temperature=4.0, activation="sigmoid")
method = dict(
    classifier=dict(model=dict(terms=dict(kd=dict(sample_weight=weight)))),
    roi=dict(model=dict(terms=dict(kd=dict(sample_weight=weight)))),
    dense=dict(model=dict(terms=dict(kd=dict(sample_weight=sigmoid_weight)))),
)
options = dict(entropy_temperature="model.terms.kd.sample_weight.temperature")
