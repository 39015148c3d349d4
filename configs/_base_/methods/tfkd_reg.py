# Tf-KD by regularization in the released settings of ResNet18: there is no teacher, and this loss
# replaces the student's own. The released factor of 100 undoes a division by the 100 classes of
# CIFAR-100; here there is neither.
method = dict(
    classifier=dict(
        model=dict(
            student=dict(
                head=dict(
                    loss=dict(
                        _delete_=True,
                        type="mmkd.TfKDRegLoss",
                        alpha=0.1,
                        temperature=20.0,
                        softening="softmax",
                        temper_student=False,
                    )
                )
            )
        )
    )
)
options = dict(
    alpha="model.student.head.loss.alpha", temperature="model.student.head.loss.temperature"
)
