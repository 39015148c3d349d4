# Deep mutual learning: the student and its peers, which --teacher names, learn together. Without
# --teacher there is one peer, a network like the student.
method = dict(
    classifier=dict(
        model=dict(type="mmkd.MutualDistiller", loss=dict(type="mmkd.KDLoss", temperature=1.0))
    )
)
options = dict(temperature="model.loss.temperature", weight="model.weight")
