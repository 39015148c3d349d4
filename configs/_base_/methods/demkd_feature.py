# DE-MKD with its feature term, from the second epoch on.
_base_ = "./demkd.py"

feature = dict(
    student="@map",
    teacher="@map",
    connector=dict(type="mmkd.ConvBNReLUConnector"),
    loss=dict(type="mmkd.HintLoss"),
    teacher_weight=dict(type="mmkd.EntropyTeacherWeight", form="softmax_inv"),
    weight=50.0,
    schedule=dict(begin=1),
)
method = dict(classifier=dict(model=dict(terms=dict(feature=feature))))
options = dict(feature_weight="model.terms.feature.weight")
del feature
