# RepDistiller's form of KDSVD and mdistiller's weight, 1.
kdsvd = dict(loss=dict(type="mmkd.KDSVDLoss"))
