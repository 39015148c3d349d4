# RepDistiller's and mdistiller's settings of AT.
at = dict(loss=dict(type="mmkd.ATLoss", p=2), weight=1000.0)
