# ER-FCFD: the teacher's entropy weighs KD, and the squared differences and the paths of FCFD.
_base_ = "./fcfd.py"

weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
method = dict(
    classifier=dict(
        model=dict(terms=dict(kd=dict(sample_weight=weight), fcfd=dict(sample_weight=weight)))
    )
)
del weight
