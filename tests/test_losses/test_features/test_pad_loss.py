"""Prime-aware adaptive distillation, against numpy, and its branch in a distiller."""

import numpy as np
import pytest
import tiny
import torch
from feature_cases import built, features

from mmkd.losses import PADLoss
from mmkd.registry import MODELS

TERM = dict(student="neck", teacher="neck", loss=dict(type="mmkd.PADLoss"))


def reference(part, student: np.ndarray, teacher: np.ndarray, eps: float) -> np.ndarray:
    """Return the loss of each sample of a training batch."""
    own, theirs = student.mean((2, 3)), teacher.mean((2, 3))
    weight, bias, gain, shift = (
        p.detach().numpy()
        for p in (part.linear.weight, part.linear.bias, part.norm.weight, part.norm.bias)
    )
    raw = own @ weight.T + bias
    variance = gain * (raw - raw.mean(0)) / np.sqrt(raw.var(0) + part.norm.eps) + shift
    return ((theirs - own) ** 2 / (np.exp(variance) + eps) + variance).mean(1)


@pytest.mark.parametrize("eps", [1e-6, 0.5])
def test_each_samples_loss_is_the_references(eps):
    [student], [teacher] = features("PADLoss")
    loss = built("PADLoss", eps=eps)
    with torch.no_grad():
        loss.parts[0].norm.weight.uniform_(0.5, 2)
        loss.parts[0].norm.bias.uniform_(-1, 1)
    maps = student.detach().numpy(), teacher.detach().numpy()
    expected = reference(loss.parts[0], *maps, eps)
    each = loss(student, teacher, reduction_override="none")
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-10)


def test_pooled_vectors_are_the_same():
    [student], [teacher] = features("PADLoss")
    loss = built("PADLoss")
    vectors = student.mean((2, 3)), teacher.mean((2, 3))
    torch.testing.assert_close(loss(*vectors), loss(student, teacher))


def test_the_best_log_variance_is_that_of_the_error():
    """The branch can learn it: e / exp(v) + v is least at v = ln e."""
    own, theirs = torch.randn(2, 8, 3, dtype=torch.float64)
    theirs = own + torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    loss = PADLoss(eps=1e-30)
    loss.adapt([(8, 3)], [(8, 3)])
    norm = loss.double().parts[0].norm
    with torch.no_grad():
        norm.weight.zero_()
        norm.bias.copy_(2 * (theirs - own)[0].log())
    loss(own, theirs).backward()
    assert norm.bias.grad.abs().max() < 1e-12


def test_the_gradient_reaches_the_student_through_the_branch_too():
    [student], _ = features("PADLoss")
    loss = built("PADLoss")
    # Each number of the feature has an error of its own, none of which depends on the student.
    error = torch.linspace(0.1, 3, 12, dtype=torch.float64)[:, None, None]
    loss(student, student.detach() + error).backward()
    direct = student.detach().clone().requires_grad_()
    variance = loss.parts[0](student.detach().mean((2, 3))).exp()
    own, theirs = direct.mean((2, 3)), (student.detach() + error).mean((2, 3))
    ((theirs - own).square() / (variance.detach() + 1e-6)).mean(1).mean().backward()
    assert not torch.allclose(student.grad, direct.grad)


def test_a_single_sample_trains_on_the_running_statistics():
    [student], [teacher] = features("PADLoss", samples=1)
    loss = built("PADLoss")
    loss.parts[0].norm.running_mean.fill_(0.3)
    training = loss(student, teacher)
    training.backward()
    assert all(p.grad is not None for p in loss.parameters())
    assert loss.parts[0].norm.running_mean.eq(0.3).all()
    torch.testing.assert_close(training, loss.eval()(student, teacher))


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="eps must be positive"):
        PADLoss(eps=0)
    with pytest.raises(ValueError, match="tap the neck that pools"):
        PADLoss().adapt([(2, 7, 4)], [(2, 7, 4)])
    with pytest.raises(ValueError, match="put a connector between"):
        built("PADLoss")(torch.randn(4, 6).double(), torch.randn(4, 12).double())


def test_the_branch_reads_a_wider_teachers_connected_feature_and_is_trained():
    model = tiny.distiller(terms=dict(pad=TERM))
    branch = model.terms["pad"].loss.parts[0]
    assert branch.linear.weight.shape == (12, 12)
    before = [parameter.clone() for parameter in branch.parameters()]
    assert tiny.train(model, steps=2)["loss_pad"].isfinite()
    after = list(branch.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_sample_weight_multiplies_all_of_a_samples_loss():
    """The learned variance and the weight of ER-KD together."""
    weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
    torch.manual_seed(0)
    model = tiny.distiller(terms=dict(pad=dict(TERM, sample_weight=weight)))
    steps = []
    model.observe(steps.append)
    found = tiny.losses_of(model)["loss_pad"]
    step, term = steps[0], model.terms["pad"]
    tap, other = term.student_taps, term.teacher_taps["teacher"]
    own, theirs = step.features["student"][tap], step.features["teacher"][other]
    connected = term.connectors["teacher"]([own], [theirs])
    each = term.loss(connected, [theirs], reduction_override="none")
    w = MODELS.build(weight)(step.student_logits, step.teacher_logits["teacher"])
    torch.testing.assert_close(found, (each * w).mean())
