# ER-KD: KD in which the weight of each sample, RoI, location or pixel is the teacher's entropy for
# it. With a sigmoid this is the mean of the binary entropies of the classes, which is our
# interpretation. So are the weights of pixels and of the classes of mask queries, and KD's recipe
# on ImageNet, since ER-KD's released code has none there.
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
