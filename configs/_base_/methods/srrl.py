# The released code's settings of SRRL, on the last maps.
srrl = dict(
    student="backbone",
    teacher="backbone",
    connector=dict(type="mmkd.ConvBNReLUConnector"),
    loss=dict(type="mmkd.SRRLLoss"),
)
