# SEED: similarities to a queue of the teacher's features, which need neither labels nor logits. The
# temperatures and the size of the queue are those of the released code.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                seed=dict(
                    student="@pooled",
                    teacher="@pooled",
                    loss=dict(
                        type="mmkd.SEEDLoss",
                        loss=dict(type="mmkd.KDLoss", temperature=1.0),
                        size=65536,
                        student_temperature=0.2,
                        teacher_temperature=1e-4,
                    ),
                )
            )
        )
    )
)
options = dict(
    weight="model.terms.seed.weight",
    size="model.terms.seed.loss.size",
    student_temperature="model.terms.seed.loss.student_temperature",
    teacher_temperature="model.terms.seed.loss.teacher_temperature",
)
