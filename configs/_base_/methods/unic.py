# UNIC: the student learns standardised features of several teachers; some teachers are dropped for
# each image. Neither labels nor logits are needed. The numbers are those of the released code; its
# heads are 3072 wide in the last block, for teachers of 768 channels.
taps = ["@pooled", "@map"]
unic = dict(
    student=taps,
    teacher=taps,
    connector=dict(type="mmkd.MLPConnector", ratio=4.0),
    teacher_transform=dict(type="mmkd.RunningStandardize", momentum=0.001),
    loss=dict(type="mmkd.UNICLoss", cosine_weight=0.5, smooth_weight=0.5),
    teacher_weight=dict(type="mmkd.TeacherDropping", drop=0.5),
)
method = dict(classifier=dict(model=dict(terms=dict(unic=unic))))
options = dict(
    weight="model.terms.unic.weight",
    drop="model.terms.unic.teacher_weight.drop",
    ratio="model.terms.unic.connector.ratio",
)
del taps, unic
