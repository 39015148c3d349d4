# ER-KD's sample weight on CrossKD's classes: each location weighs as much as the teacher's entropy
# of it, the mean of the binary entropies of its classes. The combination is ours.
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
