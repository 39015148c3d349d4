# The published settings of SemCKD on CIFAR-100, beside KD.
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=4.0))
semckd = dict(loss=dict(type="mmkd.SemCKDLoss", batch_size=64), weight=400.0)
