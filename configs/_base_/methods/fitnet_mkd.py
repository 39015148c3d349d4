# FitNet with several teachers: averaged KD, and a hint from each teacher.
_base_ = "./aver.py"

hint = dict(
    student="@stages[1]",
    teacher="@stages[1]",
    connector=dict(type="mmkd.ConvRegConnector"),
    loss=dict(type="mmkd.HintLoss"),
    weight=100.0,
    schedule=dict(begin=1),
)
method = dict(classifier=dict(model=dict(terms=dict(hint=hint))))
options = dict(hint_weight="model.terms.hint.weight")
del hint
