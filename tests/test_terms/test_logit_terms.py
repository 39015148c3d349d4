"""The logit plug-ins as terms of a distiller."""

import pytest
import tiny
import torch
from mmengine.optim import build_optim_wrapper

from mmkd.networks.student import student_checkpoint
from mmkd.registry import MODELS

TEACHERS = dict(teachers={name: dict(model=tiny.classifier(6)) for name in "abc"}, teacher=None)
CONTROLLED = dict(
    kd=dict(loss=dict(type="mmkd.KDLoss", student_transforms=[dict(type="mmkd.EntropyController")]))
)
MIXUP = dict(train_cfg=dict(augments=dict(type="Mixup", alpha=0.8)))
DEMKD = dict(type="mmkd.EntropyTeacherWeight")
PARTS = {
    part: dict(type="mmkd.EntropyTeacherWeight", part=part) for part in ("target", "non_target")
}


def decoupled(target=None, non_target=None):
    """DE-MKD in two terms, each with its own weights of the teachers."""
    weights = dict(tckd=target, nckd=non_target)
    return {
        name: dict(
            loss=dict(type=f"mmkd.{name.upper()}Loss"),
            weight=8.0 if name == "nckd" else 1.0,
            **({} if weight is None else dict(teacher_weight=weight)),
        )
        for name, weight in weights.items()
    }


def several(**overrides):
    """A distiller with three teachers, which are not quite undecided."""
    model = tiny.distiller(**TEACHERS, **overrides)
    generator = torch.Generator().manual_seed(0)
    for teacher in model.teachers.values():
        weight = teacher.network.head.fc.weight
        weight.data.copy_(torch.randn(weight.shape, generator=generator))
    return model


def test_the_same_weight_on_both_parts_is_one_term():
    together = dict(dkd=dict(loss=dict(type="mmkd.DKDLoss"), teacher_weight=DEMKD))
    torch.manual_seed(0)
    one = tiny.losses_of(several(terms=together))
    torch.manual_seed(0)
    two = tiny.losses_of(several(terms=decoupled(DEMKD, DEMKD)))
    torch.testing.assert_close(one["loss_dkd"], two["loss_tckd"] + two["loss_nckd"])
    assert one["loss_dkd"] > 0


def test_each_part_may_have_its_own_weights_or_the_average():
    found = []
    for weights in ((DEMKD, DEMKD), (None, DEMKD), (PARTS["target"], PARTS["non_target"])):
        torch.manual_seed(0)
        found.append(tiny.losses_of(several(terms=decoupled(*weights))))
    same, others_only, separate = found
    assert same["loss_nckd"] == others_only["loss_nckd"]
    assert len({losses["loss_tckd"].item() for losses in found}) == 3
    assert separate["loss_nckd"] != same["loss_nckd"]


@pytest.mark.parametrize("weight", ["CAMKDWeight", "EBKDWeight", "EntropyTeacherWeight"])
def test_teachers_are_weighed(weight):
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss"), teacher_weight=dict(type=f"mmkd.{weight}")))
    model = several(terms=terms)
    steps = []
    model.observe(steps.append)
    losses = tiny.losses_of(model)
    weights = steps[0].terms["kd"].weight
    assert weights.shape == (3, 4)
    total = torch.full((4,), 2.0 if weight == "EBKDWeight" else 1.0)
    torch.testing.assert_close(weights.sum(0), total)
    assert weights.std(0).max() > 0.01
    assert losses["loss_kd"].requires_grad


@pytest.mark.parametrize(
    "weight", [dict(type="mmkd.CAMKDWeight"), PARTS["target"], PARTS["non_target"]], ids=str
)
def test_weights_that_need_labels_are_refused_with_mixed_batches_and_missing_classes(weight):
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss"), teacher_weight=weight))
    with pytest.raises(ValueError, match="Mixup or CutMix"):
        tiny.distiller(student=tiny.classifier(**MIXUP), terms=terms)
    partial = dict(model=tiny.classifier(6, classes=3), class_map={0: 0, 1: 1, 2: 2})
    with pytest.raises(ValueError, match="lacks some"):
        tiny.distiller(teacher=partial, terms=terms)


def test_label_free_weights_take_mixed_batches_and_missing_classes():
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss"), teacher_weight=DEMKD))
    partial = dict(model=tiny.classifier(6, classes=3), class_map={0: 0, 1: 1, 2: 2})
    model = tiny.distiller(student=tiny.classifier(**MIXUP), teacher=partial, terms=terms)
    assert tiny.train(model, steps=1)["loss_kd"] > 0


def test_dkd_follows_the_classes_of_a_teacher_in_another_order():
    order = [4, 3, 2, 1, 0]
    terms = dict(dkd=dict(loss=dict(type="mmkd.DKDLoss")))
    torch.manual_seed(0)
    plain = tiny.distiller(terms=terms)
    torch.manual_seed(0)
    mapped = tiny.distiller(terms=terms, teacher=dict(model=tiny.classifier(6), class_map=order))
    fc, other = (model.teachers["teacher"].network.head.fc for model in (plain, mapped))
    with torch.no_grad():
        fc.bias.copy_(torch.arange(5))
        other.weight.copy_(fc.weight[order])
        other.bias.copy_(fc.bias[order])
    expected = tiny.losses_of(plain)["loss_dkd"]
    torch.testing.assert_close(tiny.losses_of(mapped)["loss_dkd"], expected)


@pytest.mark.parametrize("kind", ["ClassCorrelationLoss", "BatchCorrelationLoss"])
def test_relational_losses_take_several_teachers_but_no_weight(kind):
    loss = dict(type=f"mmkd.{kind}")
    torch.manual_seed(0)
    mean = tiny.losses_of(several(terms=dict(r=dict(loss=loss))))["loss_r"]
    torch.manual_seed(0)
    alone = tiny.losses_of(
        several(terms={name: dict(loss=loss, teacher={name: "head.fc"}) for name in "abc"})
    )
    torch.testing.assert_close(mean, sum(alone[f"loss_{name}"] for name in "abc") / 3)
    for weight in (
        dict(sample_weight=dict(type="mmkd.EntropyWeight")),
        dict(teacher_weight=dict(type="mmkd.EBKDWeight")),
    ):
        with pytest.raises(ValueError, match="no loss of a single sample"):
            tiny.distiller(terms=dict(r=dict(loss=loss, **weight)))


@pytest.mark.parametrize("detach", [True, False])
def test_the_gradient_of_an_undetached_weight_reaches_the_student(detach):
    weight = dict(type="mmkd.EntropyAdaptiveWeight", detach=detach)
    torch.manual_seed(0)
    model = several(terms=dict(ea=dict(loss=dict(type="mmkd.KDLoss"), sample_weight=weight)))
    steps = []
    model.observe(steps.append)
    loss = tiny.losses_of(model)["loss_ea"]
    [student] = steps[0].features["student"].values()
    (gradient,) = torch.autograd.grad(loss, student)

    logits = student.detach().requires_grad_()
    total, kd = 0, MODELS.build(dict(type="mmkd.KDLoss"))
    for teacher in steps[0].teacher_logits.values():
        w = MODELS.build(weight)(logits, teacher)
        assert w.requires_grad is not detach
        total = total + kd(logits, teacher, weight=w / 3)
    torch.testing.assert_close(gradient, torch.autograd.grad(total, logits)[0])
    assert not steps[0].terms["ea"].weight.requires_grad


def test_weights_of_a_users_own_class_are_detached():
    class Confident(torch.nn.Module):
        def forward(self, student, teacher):
            return student.softmax(-1).amax(-1)

    weighted = dict(loss=dict(type="mmkd.KDLoss"), sample_weight=Confident())
    term = tiny.distiller(terms=dict(kd=weighted)).terms["kd"]
    student = torch.randn(4, 5, requires_grad=True)
    features = {
        "student": {term.student_taps: student},
        "teacher": {term.student_taps: torch.randn(4, 5)},
    }
    expected = torch.autograd.grad(
        term.loss(
            student,
            features["teacher"][term.student_taps],
            weight=Confident()(student, None).detach(),
        ),
        student,
    )
    torch.testing.assert_close(torch.autograd.grad(term(features, None).loss, student), expected)


def test_the_controller_has_its_own_learning_rate_and_no_weight_decay():
    model = tiny.distiller(terms=CONTROLLED)
    wrapper = build_optim_wrapper(
        model,
        dict(
            optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=5e-4),
            paramwise_cfg=dict(custom_keys={"raw_alpha": dict(lr_mult=10.0, decay_mult=0.0)}),
        ),
    )
    alpha = model.terms["kd"].loss.student_transforms[0].raw_alpha
    groups = wrapper.optimizer.param_groups
    own = [group for group in groups if any(p is alpha for p in group["params"])]
    assert [(group["lr"], group["weight_decay"]) for group in own] == [(1.0, 0.0)]
    others = [group for group in groups if group is not own[0]]
    assert {(group["lr"], group["weight_decay"]) for group in others} == {(0.1, 5e-4)}

    model.train()
    model.train_step(tiny.batch(), wrapper)
    assert alpha.item() != 1.0


def test_the_controller_is_saved_and_loaded_but_is_no_part_of_the_student():
    model, other = tiny.distiller(terms=CONTROLLED), tiny.distiller(terms=CONTROLLED)
    tiny.train(model, steps=2)
    weights = model.state_dict()
    key = next(key for key in weights if key.endswith("raw_alpha"))
    assert weights[key] != 1.0
    other.load_state_dict(weights)
    assert other.state_dict()[key] == weights[key]
    student = student_checkpoint(dict(state_dict=weights))["state_dict"]
    assert student.keys() == model.student.state_dict().keys()


def test_the_controller_starts_as_kd():
    torch.manual_seed(0)
    kd = tiny.losses_of(tiny.distiller())
    torch.manual_seed(0)
    controlled = tiny.losses_of(tiny.distiller(terms=CONTROLLED))
    assert controlled["loss_kd"] == kd["loss_kd"]


@pytest.mark.parametrize("target", [None, "ProbabilityShift", "LabelSmoothReplace"])
@pytest.mark.parametrize("temperature", ["FLSWTemperature", "CWSMTemperature", None])
def test_adjustment_and_dynamic_temperature_combine_with_everything(target, temperature):
    loss = dict(
        type="mmkd.DKDLoss",
        target=dict(type=f"mmkd.{target}") if target else None,
        temperature=dict(type=f"mmkd.{temperature}") if temperature else 4.0,
        student_transforms=[dict(type="mmkd.EntropyController")],
    )
    term = dict(loss=loss, sample_weight=dict(type="mmkd.EntropyWeight"), teacher_weight=DEMKD)
    logged = tiny.train(several(terms=dict(all=term)), steps=2)
    assert torch.stack([*logged.values()]).isfinite().all()
    assert logged["loss_all"] > 0
