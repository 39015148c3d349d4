# ER-KD's sample weight on CrossKD's classes: the weight of a location is the teacher's entropy
# there, the mean of the binary entropies of the classes. The combination is ours.
_base_ = "./crosskd.py"

weighted = dict(
    crosskd=dict(
        sample_weight=dict(type="mmkd.EntropyWeight", temperature=4.0, activation="sigmoid")
    )
)
method = dict(
    dense=dict(model=dict(terms=weighted)), distributions=dict(model=dict(terms=weighted))
)
options = dict(entropy_temperature="model.terms.crosskd.sample_weight.temperature")
del weighted
