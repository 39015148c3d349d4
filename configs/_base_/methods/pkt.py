# RepDistiller's and mdistiller's settings of PKT, on the pooled features.
pkt = dict(student="neck", teacher="neck", loss=dict(type="mmkd.PKTLoss"), weight=30000.0)
