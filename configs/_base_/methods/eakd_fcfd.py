# EA-FCFD: both networks' entropies weigh KD, and the squared differences and the paths of FCFD.
_base_ = "./fcfd.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
method = dict(
    classifier=dict(
        model=dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
    )
)
del weight
