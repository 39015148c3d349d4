# RepDistiller's form and weight of FT.
ft = dict(
    loss=dict(type="mmkd.FTLoss", form="attention", reconstruction_weight=0.005),
    weight=200.0,
)
