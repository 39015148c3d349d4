# TTM: a teacher whose probabilities are raised to gamma.
method = dict(
    classifier=dict(
        model=dict(terms=dict(ttm=dict(loss=dict(type="mmkd.TTMLoss", gamma=0.1), weight=45.0)))
    )
)
options = dict(gamma="model.terms.ttm.loss.gamma", weight="model.terms.ttm.weight")
# A tenth of the published weight: with the published one training fails at this recipe's rate (26 %
# of accuracy).
published = dict(resnet20_resnet8_w8_fmnist8k=dict(model=dict(terms=dict(ttm=dict(weight=4.5)))))
