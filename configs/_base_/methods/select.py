# KD on the half of the samples, RoIs, locations, queries or pixels of which the student is least
# certain. For classifiers the teacher runs on these images alone. `--method erkd+select` also
# weighs them.
_base_ = "./kd.py"

softmax = dict(kd=dict(select=dict(type="mmkd.SelectByEntropy", source="student", keep=0.5)))
sigmoid = dict(
    kd=dict(
        select=dict(type="mmkd.SelectByEntropy", source="student", keep=0.5, activation="sigmoid")
    )
)
method = dict(
    classifier=dict(model=dict(terms=softmax)),
    roi=dict(model=dict(terms=softmax)),
    dense=dict(model=dict(terms=sigmoid)),
    queries=dict(model=dict(terms=sigmoid)),
    masks=dict(model=dict(terms=softmax)),
    segmentor=dict(model=dict(terms=softmax)),
)
options = dict(
    keep="model.terms.kd.select.keep",
    source="model.terms.kd.select.source",
    select_temperature="model.terms.kd.select.temperature",
)
del softmax, sigmoid
