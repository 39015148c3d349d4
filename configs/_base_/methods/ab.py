# RepDistiller's settings of AB: for 30 epochs it initialises the student.
ab = dict(
    connector=dict(type="mmkd.ConvRegConnector", activation=False),
    loss=dict(type="mmkd.ABLoss", margin=1.0),
    weight=0.003,
    schedule=dict(end=30),
)
