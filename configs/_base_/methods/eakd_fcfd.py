# EA-FCFD: the divergences of KD and of FCFD's paths weighted by both networks' entropies.
_base_ = "./fcfd.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0)
method = dict(
    classifier=dict(
        model=dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
    )
)
del weight
