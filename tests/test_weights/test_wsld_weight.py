"""WSLD: samples weighed by the errors of student and teacher."""

import numpy as np
import pytest
import tiny
import tiny_detectors
import torch
from torch.nn.functional import cross_entropy

from mmkd.losses import KDLoss
from mmkd.weights import WSLDWeight

generator = torch.Generator().manual_seed(0)
STUDENT, TEACHER = (
    3 * torch.randn(6, 5, generator=generator, dtype=torch.float64) for _ in range(2)
)
LABELS = torch.tensor([0, 1, 4, 2, 3, 0])
WSLD = dict(loss=dict(type="mmkd.KDLoss"), sample_weight=dict(type="mmkd.WSLDWeight"))
MIXUP = dict(train_cfg=dict(augments=dict(type="Mixup", alpha=0.8)))


def errors(logits: torch.Tensor) -> np.ndarray:
    z = logits.numpy()
    return np.log(np.exp(z).sum(1)) - z[range(len(z)), LABELS]


def test_the_weight_is_the_formulas():
    expected = 1 - np.exp(-errors(STUDENT) / (errors(TEACHER) + 1e-7))
    weight = WSLDWeight()(STUDENT.requires_grad_(), TEACHER, LABELS)
    STUDENT.requires_grad_(False)
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-12)
    assert not weight.requires_grad
    half = WSLDWeight()(STUDENT.bfloat16(), TEACHER.bfloat16(), LABELS)
    assert half.dtype == torch.float32


def test_equal_errors_weigh_1_less_1_over_e_and_shifts_change_nothing():
    weight = WSLDWeight(1e-12)(STUDENT, STUDENT, LABELS)
    torch.testing.assert_close(weight, torch.full_like(weight, 1 - np.exp(-1)))
    shifted = WSLDWeight()(STUDENT + torch.arange(6)[:, None], TEACHER - 7, LABELS)
    torch.testing.assert_close(shifted, WSLDWeight()(STUDENT, TEACHER, LABELS))


def test_certainty_gives_the_ends_of_the_range():
    """Both, the student alone, the teacher alone, both wrong alike."""
    right, wrong = torch.tensor([1e4, 0.0]), torch.tensor([0.0, 1e4])
    student = torch.stack([right, right, wrong, wrong])
    teacher = torch.stack([right, wrong, right, wrong])
    weight = WSLDWeight()(student, teacher, torch.zeros(4, dtype=torch.long))
    assert weight.tolist() == pytest.approx([0, 0, 1, 1 - np.exp(-1)])


def test_the_gradient_is_that_of_the_released_code():
    """It has the cross-entropy between tempered outputs in place of the divergence."""
    own, weight = STUDENT.clone().requires_grad_(), WSLDWeight()(STUDENT, TEACHER, LABELS)
    soft = cross_entropy(own / 2, (TEACHER / 2).softmax(-1), reduction="none")
    (2.5 * 4 * (weight * soft).mean()).backward()
    ours = STUDENT.clone().requires_grad_()
    KDLoss(2.0, loss_weight=2.5)(ours, TEACHER, weight=weight).backward()
    torch.testing.assert_close(ours.grad, own.grad)


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="eps must be positive"):
        WSLDWeight(eps=0)
    with pytest.raises(ValueError, match="needs labels"):
        WSLDWeight()(STUDENT, TEACHER)


def test_a_term_gives_it_the_labels():
    model = tiny.distiller(terms=dict(wsld=WSLD))
    with torch.no_grad():
        model.teachers["teacher"].network.head.fc.weight.normal_(generator=generator)
    steps = []
    model.observe(steps.append)
    data = tiny.batch()
    losses = tiny.losses_of(model, data)
    labels = torch.cat([sample.gt_label for sample in data["data_samples"]])
    step = steps[0]
    expected = WSLDWeight()(step.student_logits, step.teacher_logits["teacher"], labels)
    assert expected.unique().numel() == 4
    torch.testing.assert_close(step.terms["wsld"].weight, expected[None])
    each = KDLoss()(step.student_logits, step.teacher_logits["teacher"], reduction_override="none")
    torch.testing.assert_close(losses["loss_wsld"], (each * expected).mean())


def test_rois_have_the_labels_that_the_student_assigned():
    head, tap = "roi_head.bbox_head", "roi_head.bbox_head.loss_cls:input[1]"
    term = dict(WSLD, labels=tap)
    model = tiny_detectors.distiller(terms=dict(wsld=term), logits=f"{head}.fc_cls")
    steps = []
    model.observe(steps.append)
    data = model.data_preprocessor(tiny_detectors.batch(), True)
    assert model.train()(**data, mode="loss")["loss_wsld"].requires_grad
    step, student = steps[0], model.logits["student"]
    [labels] = (x for at, x in step.features["student"].items() if str(at).startswith(tap))
    logits = (step.features[network][student] for network in ("student", "teacher"))
    torch.testing.assert_close(step.terms["wsld"].weight[0], WSLDWeight()(*logits, labels))
    assert labels.unique().numel() > 1


def test_soft_labels_and_missing_classes_are_refused_when_built():
    with pytest.raises(ValueError, match="'wsld' needs hard labels"):
        tiny.distiller(student=tiny.classifier(**MIXUP), terms=dict(wsld=WSLD))
    partial = dict(model=tiny.classifier(6, classes=3), class_map={0: 0, 1: 1, 2: 2})
    with pytest.raises(ValueError, match="lacks some"):
        tiny.distiller(teacher=partial, terms=dict(wsld=WSLD))
