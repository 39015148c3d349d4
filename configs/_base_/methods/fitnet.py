# A hint as RepDistiller sets it: a convolutional regressor fits the teacher's map.
fitnet = dict(
    connector=dict(type="mmkd.ConvRegConnector"),
    loss=dict(type="mmkd.HintLoss"),
    weight=100.0,
)
