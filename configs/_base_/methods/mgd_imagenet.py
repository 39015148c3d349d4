# MGD's released settings on ImageNet.
mgd = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.MGDLoss", alpha=7e-5, mask_ratio=0.15, masked="channels"),
)
