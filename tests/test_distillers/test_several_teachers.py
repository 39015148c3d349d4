"""Several teachers in one distiller: how often each runs, and how the terms use them."""

import pytest
import tiny
import torch
from tiny_teachers import FEATURE, several

from mmkd.registry import MODELS


def copies(terms, count=3):
    """A distiller whose teachers all have the weights of the first."""
    model = several(terms, (6,) * count)
    first, *others = model.teachers.values()
    for other in others:
        other.network.load_state_dict(first.network.state_dict())
    return model


def decoupled(teacher_weight=None):
    return {
        name: dict(loss=dict(type=f"mmkd.{name.upper()}Loss"), teacher_weight=teacher_weight)
        for name in ("tckd", "nckd")
    }


def test_each_teacher_runs_once_a_step_however_many_terms_read_it():
    terms = {
        **decoupled(dict(type="mmkd.EntropyTeacherWeight")),
        "feature": FEATURE,
        "one": dict(loss=dict(type="mmkd.KDLoss"), teacher=dict(b="head.fc")),
    }
    model = several(terms)
    runs, prepared = [], []
    for name, teacher in model.teachers.items():
        teacher.network.backbone.register_forward_hook(lambda *_, name=name: runs.append(name))
        teacher.network.data_preprocessor.register_forward_hook(lambda *_: prepared.append("t"))
    model.student.backbone.register_forward_hook(lambda *_: runs.append("student"))
    model.data_preprocessor.register_forward_hook(lambda *_: prepared.append("s"))
    tiny.train(model, steps=1)
    assert runs == ["a", "b", "c", "student"]
    assert prepared == ["s"], "the batch is prepared once, by the student's preprocessor"


@pytest.mark.parametrize("given", ["checkpoint", "module"])
def test_a_teacher_of_two_names_runs_once(given, tmp_path):
    """It counts twice, as two teachers of equal weights would."""
    network = MODELS.build(tiny.classifier(6)).eval()
    torch.save(network.state_dict(), tmp_path / "a.pth")
    config = dict(model=network)
    if given == "checkpoint":
        config = dict(model=tiny.classifier(6), checkpoint=str(tmp_path / "a.pth"), fold_bn=True)
    other = dict(model=tiny.classifier(8))
    weight = dict(type="mmkd.EntropyTeacherWeight", form="ebkd")
    hint = dict(student="neck", teacher=dict(b="neck"), loss=dict(type="mmkd.HintLoss"))
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss"), teacher_weight=weight), hint=hint)

    def distiller(second):
        torch.manual_seed(0)
        return tiny.distiller(teachers=dict(a=config, c=other, b=second), terms=terms)

    model = distiller(dict(config))
    runs = []
    for teacher in {*model.teachers.values()}:
        teacher.network.backbone.register_forward_hook(lambda *_: runs.append("teacher"))
    found = tiny.losses_of(model)
    assert len(runs) == 2

    apart = distiller(dict(config, strict=False))
    assert len({*apart.teachers.values()}) == 3
    apart.teachers["c"].network.load_state_dict(model.teachers["c"].network.state_dict())
    apart.load_state_dict(model.state_dict())
    expected = tiny.losses_of(apart)
    for name in ("loss_kd", "loss_hint"):
        torch.testing.assert_close(found[name], expected[name])


def test_teachers_without_weights_of_their_own_differ():
    teachers = dict(a=dict(model=tiny.classifier(6)), b=dict(model=tiny.classifier(6)))
    model = tiny.distiller(teachers=teachers)
    assert model.teachers["a"] is not model.teachers["b"]


def test_a_teacher_that_no_term_reads_does_not_run():
    model = several(dict(kd=dict(loss=dict(type="mmkd.KDLoss"), teacher=dict(a="head.fc"))))
    runs = []
    for name, teacher in model.teachers.items():
        teacher.network.backbone.register_forward_hook(lambda *_, name=name: runs.append(name))
    tiny.train(model, steps=1)
    assert runs == ["a"]


@pytest.mark.parametrize(
    "weight", ["AverageTeachers", "EntropyTeacherWeight", "CAMKDWeight", "AEKDWeight"]
)
def test_identical_teachers_are_as_one(weight):
    terms = decoupled(dict(type=f"mmkd.{weight}"))
    several_losses = tiny.losses_of(copies(terms))
    one = tiny.losses_of(copies(terms, count=1))
    for name in one:
        torch.testing.assert_close(several_losses[name], one[name])


@pytest.mark.parametrize(
    "weight", ["AverageTeachers", "EntropyTeacherWeight", "EBKDWeight", "CAMKDWeight", "AEKDWeight"]
)
def test_the_order_of_teachers_does_not_matter(weight):
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss"), teacher_weight=dict(type=f"mmkd.{weight}")))
    turned = dict(kd=dict(**terms["kd"], teacher=dict.fromkeys("cab", "head.fc")))
    expected = tiny.losses_of(several(terms))["loss_kd"]
    torch.testing.assert_close(tiny.losses_of(several(turned))["loss_kd"], expected)


def test_no_gradient_reaches_teachers_or_weights():
    terms = dict(**decoupled(dict(type="mmkd.EntropyTeacherWeight")), feature=FEATURE)
    model = several(terms)
    steps = []
    model.observe(steps.append)
    model.parse_losses(tiny.losses_of(model))[0].backward()
    for teacher in model.teachers.values():
        assert all(p.grad is None and not p.requires_grad for p in teacher.network.parameters())
    assert not any(term.weight.requires_grad for term in steps[0].terms.values())
    assert all(p.grad is not None for p in model.parameters())


def test_terms_of_weight_zero_leave_training_bit_equal():
    plain = several(tiny.KD)
    zero = several(
        {
            **tiny.KD,
            **{k: dict(**v, weight=0.0) for k, v in decoupled().items()},
            "feature": dict(**FEATURE, weight=0.0),
        }
    )
    for model in (plain, zero):
        tiny.train(model)
    assert plain.state_dict().keys() == zero.state_dict().keys()
    for key, value in plain.state_dict().items():
        assert torch.equal(value, zero.state_dict()[key]), key


def test_the_mean_hint_of_several_teachers_trains_the_student():
    """FitNet-MKD. The published code averages a new tensor of the losses' values: no gradient."""
    widths, hint = (6, 8, 10), dict(**FEATURE, weight=100.0)
    together = several(dict(hint=hint), widths)
    apart = several({n: dict(hint, teacher={n: "neck:input"}) for n in "abc"}, widths)
    apart.student.load_state_dict(together.student.state_dict())
    for name in "abc":
        weights = together.terms["hint"].connectors[name].state_dict()
        apart.terms[name].connectors[name].load_state_dict(weights)
    loss = tiny.losses_of(together)["loss_hint"]
    each = [value for name, value in tiny.losses_of(apart).items() if name != "loss"]
    torch.testing.assert_close(loss, sum(each) / 3)

    found = torch.autograd.grad(loss, list(together.student.backbone.parameters()))
    expected = torch.autograd.grad(sum(each) / 3, list(apart.student.backbone.parameters()))
    torch.testing.assert_close(found, expected)
    assert sum(float(gradient.abs().sum()) for gradient in found) > 0

    released = torch.mean(torch.tensor([value.item() for value in each]))
    torch.testing.assert_close(released, loss.detach())
    assert not released.requires_grad
