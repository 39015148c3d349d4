# SEED: similarities to a queue of the teacher's features, which need neither labels nor logits. The
# temperatures and the size of the queue are not the paper's: see the README.
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
                        size=4096,
                        student_temperature=0.07,
                        teacher_temperature=0.07,
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
