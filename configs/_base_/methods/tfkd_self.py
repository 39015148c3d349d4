# Tf-KD by self-training, in the released settings of ResNet18: the teacher is the student, trained
# before. Alpha is 0.95, and the divergence has a factor of 50 / 100: 50 is the released one, and
# PyTorch's KLDivLoss divides by the 100 classes there.
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.05,
            terms=dict(
                kd=dict(loss=dict(type="mmkd.KDLoss", temperature=6.0), weight=0.95 * 50 / 100)
            ),
        )
    )
)
options = dict(
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
