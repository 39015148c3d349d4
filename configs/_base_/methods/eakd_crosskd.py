# EA-KD's sample weight on CrossKD's classes: the weight of a location follows from the entropies of
# the teacher's and of the student's own prediction there. Each is the mean of the binary entropies
# of the classes. The combination is ours.
_base_ = "./crosskd.py"

weighted = dict(
    crosskd=dict(
        sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0, activation="sigmoid")
    )
)
method = dict(
    dense=dict(model=dict(terms=weighted)), distributions=dict(model=dict(terms=weighted))
)
options = dict(entropy_temperature="model.terms.crosskd.sample_weight.temperature")
del weighted
