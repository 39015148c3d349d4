"""Teacher weights from a teacher's head on the student's feature (CA-MKD, DE-MKD)."""

from copy import deepcopy

import pytest
import tiny
import tiny_teachers as teachers_of
import torch
from mmengine.logging import MessageHub

from mmkd.logits import entropy
from mmkd.weights import CAMKDWeight, EntropyTeacherWeight

FEATURE = dict(
    teachers_of.FEATURE,
    teacher_weight=dict(type="mmkd.EntropyTeacherWeight"),
    weigh_through=["@logits"],
)
MODULES = ["neck", "head.fc"]
WIDTHS = (6, 8, 10)


def step_of(model):
    """The output of one step, with the logits that each head gives by hand."""
    steps, connected, inputs = [], {}, {}
    model.observe(steps.append)
    term = model.terms["feature"]
    for name in model.teachers:
        term.connectors[name][0].register_forward_hook(
            lambda _, given, output, name=name: connected.update({name: output})
        )
    model.data_preprocessor.register_forward_hook(lambda _, __, out: inputs.update(out))
    losses = tiny.losses_of(model)
    logits = {}
    for name, teacher in model.teachers.items():
        network = teacher.network
        with torch.no_grad():
            logits[name] = network.head.fc(connected[name].mean((2, 3)))
    labels = torch.cat([sample.gt_label for sample in inputs["data_samples"]])
    return losses, steps[0], list(logits.values()), labels


@pytest.mark.parametrize("kind", [EntropyTeacherWeight, CAMKDWeight])
def test_weights_follow_from_the_heads_logits_of_the_connected_feature(kind):
    feature = dict(FEATURE, teacher_weight=dict(type=f"mmkd.{kind.__name__}"))
    model = teachers_of.several(dict(feature=feature), WIDTHS)
    losses, step, logits, labels = step_of(model)
    weights = step.terms["feature"].weight
    torch.testing.assert_close(weights, kind()(logits[0], logits, labels=labels))
    assert weights.std(0).min() > 1e-3
    assert not weights.requires_grad
    assert losses["loss_feature"].requires_grad


def test_the_released_code_of_camkd_learns_through_the_weights_too():
    """The gradient differs then, and the value does not."""
    found = []
    for released_code in (False, True):
        weight = dict(type="mmkd.CAMKDWeight", released_code=released_code)
        model = teachers_of.several(dict(feature=dict(FEATURE, teacher_weight=weight)), WIDTHS)
        loss = step_of(model)[0]["loss_feature"]
        loss.backward()
        found.append((loss.detach(), model.student.backbone.conv1.weight.grad))
        assert all(p.grad is None for t in model.teachers.values() for p in t.network.parameters())
    torch.testing.assert_close(found[0][0], found[1][0])
    assert not torch.allclose(found[0][1], found[1][1], rtol=1e-2)


def test_the_modules_may_be_named_in_place_of_the_role():
    named = step_of(teachers_of.several(dict(feature=dict(FEATURE, weigh_through=MODULES)), WIDTHS))
    by_role = step_of(teachers_of.several(dict(feature=FEATURE), WIDTHS))
    assert torch.equal(named[1].terms["feature"].weight, by_role[1].terms["feature"].weight)


def test_a_head_with_more_than_one_layer_is_run_as_a_whole():
    """CA-MKD's method file then fits heads without `head.fc`, such as MobileNetV3's."""
    head = dict(type="StackedLinearClsHead", num_classes=5, in_channels=16, mid_channels=[7])
    teachers = dict(a=dict(model={**tiny.classifier(8), "head": head}))
    model = tiny.distiller(teachers=teachers, terms=dict(feature=FEATURE))
    network = model.teachers["a"].network
    inputs = model.data_preprocessor(tiny.batch(), True)["inputs"]
    with torch.no_grad():
        expected = network(inputs, mode="tensor")
        feature = network.backbone(inputs)[-1]
    torch.testing.assert_close(model.terms["feature"].heads["a"](feature), expected)


def test_without_it_weights_are_those_of_the_teachers_own_logits():
    plain = {k: v for k, v in FEATURE.items() if k != "weigh_through"}
    own = step_of(teachers_of.several(dict(feature=plain), WIDTHS))[1]
    through = step_of(teachers_of.several(dict(feature=FEATURE), WIDTHS))[1]
    teachers = list(own.teacher_logits.values())
    expected = EntropyTeacherWeight()(teachers[0], teachers)
    torch.testing.assert_close(own.terms["feature"].weight, expected)
    assert not torch.allclose(through.terms["feature"].weight, expected, atol=1e-4)


def test_a_sample_weight_beside_it_reads_the_logits_of_the_networks():
    sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
    feature = dict(FEATURE, sample_weight=sample_weight)
    _, step, logits, _ = step_of(teachers_of.several(dict(feature=feature), WIDTHS))
    own = torch.stack([entropy(z, 4.0) for z in step.teacher_logits.values()])
    shares = EntropyTeacherWeight()(logits[0], logits)
    torch.testing.assert_close(step.terms["feature"].weight, own * shares)


def test_it_follows_a_teacher_with_other_classes():
    model = tiny.classifier(6, classes=7)
    mapped = dict(model=model, class_map=[6, 5, 4, 3, 2])
    teachers = dict(a=dict(model=tiny.classifier(8)), b=mapped)
    feature = dict(FEATURE, teacher_weight=dict(type="mmkd.CAMKDWeight"))
    model = teachers_of.varied(tiny.distiller(teachers=teachers, terms=dict(feature=feature)))
    _, step, (first, second), labels = step_of(model)
    expected = CAMKDWeight()(first, [first, second[:, [6, 5, 4, 3, 2]]], labels=labels)
    torch.testing.assert_close(step.terms["feature"].weight, expected)


def test_teachers_stay_outside_the_model_and_are_shared_by_copies():
    model = teachers_of.several(dict(feature=FEATURE), WIDTHS)
    copy = deepcopy(model)
    plain = {k: v for k, v in FEATURE.items() if k != "weigh_through"}
    other = teachers_of.several(dict(feature=plain), WIDTHS)
    assert model.state_dict().keys() == other.state_dict().keys()
    copied = copy.terms["feature"].heads["a"].__self__
    assert copied.module is model.teachers["a"].network
    tiny.train(model)
    assert all(p.grad is None for t in model.teachers.values() for p in t.network.parameters())


def test_it_trains_in_mixed_precision():
    model = teachers_of.several(dict(feature=FEATURE), WIDTHS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = tiny.losses_of(model)["loss_feature"]
    loss.backward()
    assert loss.isfinite()
    assert loss.dtype == torch.float32


def test_it_does_not_act_in_the_first_epoch_if_its_schedule_says_so():
    feature = dict(FEATURE, schedule=dict(begin=1))
    model = teachers_of.several(dict(feature=feature, **tiny.KD), WIDTHS)
    hub = MessageHub.get_current_instance()
    try:
        hub.update_info("epoch", 0)
        first = tiny.losses_of(model)["loss_feature"]
        hub.update_info("epoch", 1)
        second = tiny.losses_of(model)["loss_feature"]
    finally:
        hub.update_info("epoch", 0)
    assert first == 0
    assert second > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(teacher_weight=None), "'feature' has `weigh_through` but no `teacher_weight`"),
        (dict(weigh_through=["neck", "head.fcc"]), "no module 'head.fcc'"),
        (dict(weigh_through=["neck"]), "the last module must give the logits"),
        (
            dict(student=["neck:input", "head.fc"], teacher=["neck:input", "head.fc"]),
            "'feature' weighs through one feature",
        ),
    ],
    ids=["weight", "path", "shape", "several"],
)
def test_what_cannot_work_is_refused_in_words(change, message):
    if "student" in change:
        change = {**change, "connector": None}
    with pytest.raises(ValueError, match=message):
        teachers_of.several(dict(feature={**FEATURE, **change}), WIDTHS)
