# RepDistiller's and mdistiller's settings of NST.
nst = dict(loss=dict(type="mmkd.NSTLoss"), weight=50.0)
