"""Modules that several terms, and the student's task losses, use."""

from copy import deepcopy

import pytest
import tiny
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import build_optim_wrapper

from mmkd.networks.student import student_checkpoint

SHARED = dict(controller=dict(type="mmkd.EntropyController", init=2.0))
KEY = "shared.controller.raw_alpha"
PARAMWISE = dict(custom_keys={"raw_alpha": dict(lr_mult=10.0, decay_mult=0.0)})


def term(kind="KDLoss", controller="controller", **arguments):
    transforms = [controller] if controller else []
    return dict(loss=dict(type=f"mmkd.{kind}", student_transforms=transforms), **arguments)


def distiller(**overrides):
    """A distiller with two terms, whose student is not quite undecided."""
    terms = dict(kd=term(), dkd=term("DKDLoss"))
    torch.manual_seed(0)
    model = tiny.distiller(**{"terms": terms, "shared": SHARED, **overrides})
    generator = torch.Generator().manual_seed(0)
    networks = [model.student, *(teacher.network for teacher in model.teachers.values())]
    for network in networks:
        weight = network.head.fc.weight
        weight.data.copy_(torch.randn(weight.shape, generator=generator))
    return model


def gradient(model, *names):
    """The controller's gradient under some of the losses."""
    losses = tiny.losses_of(model)
    alpha = model.shared["controller"].raw_alpha
    (found,) = torch.autograd.grad(sum(losses[name] for name in names), alpha)
    return found


def test_all_terms_train_one_parameter():
    model = distiller()
    assert [key for key in model.state_dict() if key.endswith("raw_alpha")] == [KEY]
    both = gradient(model, "loss_kd", "loss_dkd")
    torch.testing.assert_close(both, gradient(model, "loss_kd") + gradient(model, "loss_dkd"))
    assert gradient(model, "loss_kd") != gradient(model, "loss_dkd")


def test_a_shared_module_is_what_an_own_one_is():
    own = dict(type="mmkd.EntropyController", init=2.0)
    terms = dict(kd=term(controller=own), dkd=term("DKDLoss", own))
    separate = tiny.losses_of(distiller(terms=terms, shared={}))
    together = tiny.losses_of(distiller())
    for name in ("loss", "loss_kd", "loss_dkd"):
        assert together[name] == separate[name]


def test_the_students_own_loss_sees_it_and_nothing_else_does():
    plain = distiller(terms=dict(kd=term(controller=None)), shared={})
    seen = distiller(terms=dict(kd=term(controller=None)), student_loss_transforms=["controller"])
    data = tiny.batch()
    losses, expected = tiny.losses_of(seen, data), tiny.losses_of(plain, data)
    assert losses["loss_kd"] == expected["loss_kd"]
    labels = torch.cat([sample.gt_label for sample in data["data_samples"]])
    for model in (plain, seen):
        model.eval()
    inputs = plain.data_preprocessor(data, False)["inputs"]
    torch.testing.assert_close(seen(inputs), plain(inputs))
    scores = [
        torch.stack([sample.pred_score for sample in model(inputs, mode="predict")])
        for model in (seen, plain)
    ]
    torch.testing.assert_close(*scores)

    # In eval mode, so that both are of the same BatchNorm statistics.
    loss = seen(inputs, data["data_samples"], mode="loss")["loss"]
    logits = plain(inputs)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(2 * logits, labels))
    assert not seen.student.head.fc._forward_hooks


def test_the_own_loss_trains_the_controller_too():
    model = distiller(student_loss_transforms=["controller"])
    assert gradient(model, "loss") != 0
    assert gradient(model, "loss_kd") != 0


def test_weights_see_the_raw_logits():
    """ER-KD with a controller that the student's own loss sees weighs as without one."""
    weigh = dict(sample_weight=dict(type="mmkd.EntropyAdaptiveWeight"))
    steps = []
    for options in (dict(student_loss_transforms=["controller"]), dict(shared={})):
        model = distiller(terms=dict(kd=term(controller=None, **weigh)), **options)
        model.observe(steps.append)
        tiny.losses_of(model)
    assert torch.equal(steps[0].terms["kd"].weight, steps[1].terms["kd"].weight)
    assert torch.equal(steps[0].student_logits, steps[1].student_logits)


def test_a_temperature_and_a_target_can_be_shared():
    loss = dict(type="mmkd.KDLoss", temperature="tau", target="shift")
    shared = dict(
        tau=dict(type="mmkd.CurriculumTemperature"), shift=dict(type="mmkd.ProbabilityShift")
    )
    model = distiller(terms=dict(kd=dict(loss=loss), ls=dict(loss=loss)), shared=shared)
    assert all(t.needs_labels for t in model.terms.values())
    losses = tiny.losses_of(model)
    own = dict(loss, temperature=shared["tau"], target=shared["shift"])
    expected = tiny.losses_of(distiller(terms=dict(kd=dict(loss=own)), shared={}))
    assert losses["loss_kd"] == losses["loss_ls"] == expected["loss_kd"]


def test_it_has_its_own_learning_rate_and_no_decay():
    model = distiller(student_loss_transforms=["controller"])
    optimizer = dict(type="SGD", lr=0.1, weight_decay=5e-4)
    wrapper = build_optim_wrapper(model, dict(optimizer=optimizer, paramwise_cfg=PARAMWISE))
    alpha = model.shared["controller"].raw_alpha
    own = [
        group
        for group in wrapper.optimizer.param_groups
        if any(parameter is alpha for parameter in group["params"])
    ]
    assert [(group["lr"], group["weight_decay"]) for group in own] == [(1.0, 0.0)]
    before = gradient(model, "loss", "loss_kd", "loss_dkd")
    model.train_step(tiny.batch(), wrapper)
    torch.testing.assert_close(alpha.detach(), 2.0 - before)


def test_it_is_saved_loaded_copied_and_averaged_once():
    model, other = distiller(), distiller()
    tiny.train(model, steps=2)
    weights = model.state_dict()
    assert weights[KEY] != 2.0
    other.load_state_dict(weights)
    torch.testing.assert_close(tiny.losses_of(other), tiny.losses_of(model))
    student = student_checkpoint(dict(state_dict=weights))["state_dict"]
    assert student.keys() == model.student.state_dict().keys()

    copy = deepcopy(model)
    with torch.no_grad():
        copy.shared["controller"].raw_alpha.fill_(5.0)
    assert tiny.losses_of(copy)["loss_kd"] != tiny.losses_of(model)["loss_kd"]
    averaged = ExponentialMovingAverage(model, momentum=0.25)
    for value in (4.0, 8.0):  # the first is copied
        with torch.no_grad():
            model.shared["controller"].raw_alpha.fill_(value)
        averaged.update_parameters(model)
    assert averaged.module.shared["controller"].raw_alpha == 5.0


def test_where_no_term_acts_it_still_takes_part(monkeypatch):
    """Distributed training must find every parameter used."""
    for place in ("mmkd.terms.nothing", "mmkd.distillers.distiller"):
        monkeypatch.setattr(f"{place}.is_distributed", lambda: True)
    off = dict(schedule=dict(begin=5))
    model = distiller(terms=dict(kd=term(**off), dkd=term("DKDLoss", **off)))
    losses = tiny.losses_of(model)
    assert losses["loss_kd"] == 0
    assert gradient(model, "loss", "loss_kd", "loss_dkd") == 0


def test_a_term_of_weight_zero_takes_it_along():
    model = distiller(terms=dict(kd=term(weight=0), dkd=term("DKDLoss", None)))
    assert not [key for key in model.state_dict() if "alpha" in key]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(shared={}), "'kd' names the shared module 'controller', but there are none"),
        (dict(terms=dict(kd=term(controller="alpha"))), "'alpha', but there are controller"),
        (
            dict(terms=dict(kd=dict(loss=dict(student_transforms="controller")))),
            r"is a list: write student_transforms=\['controller'\]",
        ),
        (
            dict(terms=dict(kd=dict(loss="mmkd.KDLoss")), shared={}),
            "cannot be 'mmkd.KDLoss'",
        ),
        (dict(terms=dict(kd=term(controller=None))), "Nothing uses the shared .* controller"),
        (dict(student_loss_transforms=["alpha"]), "student_loss_transforms names .* 'alpha'"),
        (
            dict(shared=dict(controller=dict(type="mmkd.SolvedEntropyController")))
            | dict(student_loss_transforms=["controller"]),
            "no target",
        ),
        (
            dict(
                student_loss_transforms=["controller"],
                logits="head.fc[0]",
                teacher=dict(model=tiny.classifier()),
            ),
            "module's output",
        ),
    ],
)
def test_mistakes_are_refused_in_words_when_it_is_built(options, message):
    with pytest.raises(ValueError, match=message):
        distiller(**options)
