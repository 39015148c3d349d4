# The paper's settings of CRD on CIFAR-100, on the pooled features.
crd = dict(
    student="neck",
    teacher="neck",
    loss=dict(type="mmkd.CRDLoss", num_samples=50000, negatives=16384),
    weight=0.8,
)
