# RepDistiller's and mdistiller's settings of SP.
sp = dict(loss=dict(type="mmkd.SPLoss"), weight=3000.0)
