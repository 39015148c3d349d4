# Mean teacher: the teacher is the student's moving average, and has no checkpoint.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                consistency=dict(
                    loss=dict(type="mmkd.KDLoss", temperature=1.0),
                    weight=1.0,
                    schedule=dict(warmup=5),
                )
            )
        ),
        custom_hooks=[dict(type="mmkd.MeanTeacherHook", momentum=0.999)],
    )
)
options = dict(
    weight="model.terms.consistency.weight",
    warmup="model.terms.consistency.schedule.warmup",
)
