# RepDistiller's CC, on the pooled features.
cc = dict(student="neck", teacher="neck", loss=dict(type="mmkd.AdjacentCCLoss"), weight=0.02)
