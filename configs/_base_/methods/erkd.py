# ER-KD: KD in which each sample, RoI, location or pixel weighs as much as the teacher's entropy of
# it. Classes of a sigmoid have the mean of their binary entropies, which is our interpretation; so
# are pixels, the classes of mask queries, and KD's recipe on ImageNet, which ER-KD's released code
# has not.
_base_ = "./kd.py"

softmax = dict(kd=dict(sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0)))
sigmoid = dict(
    kd=dict(sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0, activation="sigmoid"))
)
method = dict(
    classifier=dict(model=dict(terms=softmax)),
    roi=dict(model=dict(terms=softmax)),
    dense=dict(model=dict(terms=sigmoid)),
    queries=dict(model=dict(terms=sigmoid)),
    masks=dict(model=dict(terms=softmax)),
    segmentor=dict(model=dict(terms=softmax)),
)
options = dict(entropy_temperature="model.terms.kd.sample_weight.temperature")
del softmax, sigmoid
