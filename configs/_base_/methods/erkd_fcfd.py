# ER-FCFD: the divergences of KD and of FCFD's paths weighted by the teacher's entropy.
_base_ = "./fcfd.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
method = dict(
    classifier=dict(
        model=dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
    )
)
del weight
