# The settings of MLKD's released code. Its loss is a sum over views, not a mean: the weight is 0.9
# and not, as that of the cross-entropy over the joined batch, doubled.
mlkd = dict(
    loss=dict(type="mmkd.MLKDLoss", temperatures=[4.0, 3.0, 5.0, 2.0, 6.0], views=2),
    weight=0.9,
)
