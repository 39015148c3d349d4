"""Features that look alike, and that work alike in the rest of both networks."""

from copy import deepcopy

import numpy as np
import pytest
import tiny
import torch
from mmengine.logging import MessageHub
from torch import nn

from mmkd.registry import MODELS

STAGES = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
MAPS = dict(student=STAGES, teacher=STAGES)


def fcfd(**arguments):
    return {**MAPS, "loss": dict(type="mmkd.FCFD", **arguments)}


def model_of(**arguments):
    torch.manual_seed(0)
    model = tiny.distiller(terms=dict(fcfd=fcfd(**arguments)))
    for module in model.teachers["teacher"].network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 2)
    return model.train()


def features_of(model, seed=1):
    """The stages' maps of both networks, and the teacher's logits, by hand."""
    torch.manual_seed(seed)
    images = torch.randn(4, 3, 16, 16).to(next(model.parameters()))
    student, teacher = model.student, model.teachers["teacher"].network
    maps = []
    for network in (student, teacher):
        stem = network.backbone.relu(network.backbone.bn1(network.backbone.conv1(images)))
        one = network.backbone.layer1(stem)
        two = network.backbone.layer2(one)
        maps.append([one, two, network.backbone.layer3(two)])
    return *maps, teacher.head.fc(maps[1][2].mean((2, 3)))


def array(tensor):
    return tensor.detach().numpy()


def mse(one, other):
    """Mean squared difference of each sample."""
    return ((array(one) - array(other)) ** 2).reshape(len(one), -1).mean(1)


def pool(maps):
    return maps.clamp(min=0).mean((2, 3))


def divergence(target, logits, temperature):
    def softmax(z):
        powers = np.exp(array(z) / temperature)
        return powers / powers.sum(1, keepdims=True)

    p, q = softmax(target), softmax(logits)
    return temperature**2 * (p * np.log(p / q)).sum(1)


def parts(model, own, theirs, target, temperature):
    """Squared differences and divergences of each sample: direct, by way of each network."""
    loss, teacher = model.terms["fcfd"].loss, model.teachers["teacher"].network
    student = deepcopy(model.student)
    bridged = [bridge(map_) for bridge, map_ in zip(loss.to_teacher, own, strict=True)]
    direct = sum(mse(*pair) for pair in zip(bridged, theirs, strict=True))
    direct = direct + mse(pool(bridged[2]), pool(theirs[2]))
    first, second = bridged[0], bridged[1]
    middle = teacher.backbone.layer2(first)
    lasts = teacher.backbone.layer3(middle), teacher.backbone.layer3(second)
    on_the_way = mse(middle, theirs[1])
    for last in lasts:
        on_the_way = on_the_way + mse(last, theirs[2]) + mse(pool(last), pool(theirs[2]))
    there = sum(divergence(target, teacher.head.fc(pool(x)), temperature) for x in lasts)
    ahead = student.backbone.layer2(loss.to_student[0](theirs[0])) if loss.to_student else None
    back = 0.0
    if ahead is not None:
        for before in (ahead, loss.to_student[1](theirs[1])):
            logits = student.head.fc(student.backbone.layer3(before).mean((2, 3)))
            back = back + divergence(target, logits, temperature)
    return direct, on_the_way, there, back


@pytest.mark.parametrize("directions", ["both", "to_teacher", "to_student"])
def test_each_samples_loss_is_the_references(directions):
    paths = 4 if directions == "both" else 2  # all that there are
    arguments = dict(temperature=3.0, feature_weight=0.7, path_weight=2.0, loss_weight=1.5)
    model = model_of(paths=paths, directions=directions, **arguments).double()
    own, theirs, target = features_of(model)
    direct, on_the_way, there, back = parts(model, own, theirs, target, 3.0)
    expected = 0.7 * direct
    if directions != "to_student":
        expected = expected + 0.7 * on_the_way + 2 * there
    if directions != "to_teacher":
        expected = expected + 2 * back
    loss = model.terms["fcfd"].loss
    each = loss(own, theirs, reduction_override="none")
    np.testing.assert_allclose(array(each), 1.5 * expected, rtol=1e-9)
    weight = torch.tensor([2.0, 0.0, 1.0, 0.5], dtype=torch.float64)
    value = loss(own, theirs, weight=weight)
    np.testing.assert_allclose(array(value), (1.5 * expected * array(weight)).mean(), rtol=1e-9)


def test_the_released_code_of_er_fcfd_weighs_the_pooled_difference_by_the_mean():
    """Its product of (N, C) with weights (N, 1, 1, 1) broadcasts, and then comes the mean."""
    model = model_of(paths=0, feature_weight=1.0, released_code=True).double()
    own, theirs, _ = features_of(model)
    direct, *_ = parts(model, own, theirs, torch.zeros(4, 5), 4.0)
    loss = model.terms["fcfd"].loss
    last = mse(pool(loss.to_teacher[2](own[2])), pool(theirs[2]))
    weight = torch.tensor([2.0, 0.0, 1.0, 0.5], dtype=torch.float64)
    expected = ((direct - last) * array(weight)).mean() + last.mean() * array(weight).mean()
    value = loss(own, theirs, weight=weight)
    np.testing.assert_allclose(array(value), expected, rtol=1e-9)
    np.testing.assert_allclose(array(loss(own, theirs)), direct.mean(), rtol=1e-9)


def test_no_path_leaves_the_features_alone():
    model = model_of(paths=0, feature_weight=1.0).double()
    own, theirs, target = features_of(model)
    direct, *_ = parts(model, own, theirs, target, 4.0)
    each = model.terms["fcfd"].loss(own, theirs, reduction_override="none")
    np.testing.assert_allclose(array(each), direct, rtol=1e-9)


def test_the_features_weight_warms_up_and_that_of_the_paths_does_not():
    model = model_of(paths=4, feature_schedule=dict(warmup=20)).double()
    own, theirs, target = features_of(model)
    direct, on_the_way, there, back = parts(model, own, theirs, target, 4.0)
    hub = MessageHub.get_current_instance()
    try:
        for epoch, factor in ((0, 1 / 20), (9, 0.5), (30, 1.0)):
            hub.update_info("epoch", epoch)
            each = model.terms["fcfd"].loss(own, theirs, reduction_override="none")
            expected = 5 * factor * (direct + on_the_way) + there + back
            np.testing.assert_allclose(array(each), expected, rtol=1e-9)
    finally:
        MessageHub._instance_dict.clear()


def test_two_different_paths_are_drawn_and_all_have_their_turn():
    loss = model_of().terms["fcfd"].loss
    drawn = [loss.draw() for _ in range(50)]
    assert all(len({*paths}) == 2 for paths in drawn)
    every = {(stage, there) for stage in (0, 1) for there in (True, False)}
    assert {path for paths in drawn for path in paths} == every


def test_a_seed_gives_the_same_paths_and_a_checkpoint_goes_on_with_them():
    one, other = (model_of().terms["fcfd"].loss for _ in range(2))
    torch.manual_seed(7)  # what else is drawn does not matter
    drawn = [one.draw() for _ in range(20)]
    assert [other.draw() for _ in range(20)] == drawn
    torch.manual_seed(1)
    third = tiny.distiller(terms=dict(fcfd=fcfd())).terms["fcfd"].loss
    assert [third.draw() for _ in range(20)] != drawn
    third.load_state_dict(one.state_dict())
    assert [third.draw() for _ in range(20)] == [one.draw() for _ in range(20)]
    one.eval()
    assert one.draw() == one.draw(), "only steps of training count"


def test_in_each_step_all_that_learns_gets_a_gradient():
    """Whatever path is drawn, so that DDP finds no unused parameter."""
    model, drawn = model_of(), set()
    loss, draw = model.terms["fcfd"].loss, model.terms["fcfd"].loss.draw
    loss.draw = lambda: [*map(drawn.add, paths := draw())] and paths
    for seed in range(8):
        model.zero_grad(set_to_none=True)
        losses = tiny.losses_of(model, tiny.batch(seed=seed))
        (losses["loss"] + losses["loss_fcfd"]).backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
    assert len(drawn) == 4
    assert all(p.grad is None for p in model.teachers["teacher"].network.parameters())


@pytest.mark.parametrize(
    ("directions", "reached"), [("to_teacher", False), ("to_student", True), ("both", True)]
)
def test_the_gradient_reaches_what_each_path_trains(directions, reached):
    arguments = dict(feature_weight=0.0, directions=directions)
    model = model_of(paths=4 if directions == "both" else 2, **arguments)
    tiny.losses_of(model)["loss_fcfd"].backward()
    stem, classifier = model.student.backbone.conv1.weight.grad, model.student.head.fc.weight.grad
    bridge = model.terms["fcfd"].loss.to_teacher[0][0].weight.grad
    if directions == "to_student":  # no path begins in the student
        assert stem.abs().sum() == bridge.abs().sum() == 0
    else:
        assert stem.abs().sum() > 0
        assert bridge.abs().sum() > 0
    assert (classifier is not None) is reached
    assert len(model.terms["fcfd"].loss.to_student) == (2 if reached else 0)


def test_the_teacher_stays_what_it_is_bit_for_bit():
    model = model_of()
    network = model.teachers["teacher"].network
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.train()
    tiny.train(model, steps=4, lr=0.01)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_mixed_paths_leave_the_students_statistics_alone():
    mixed, plain = model_of(paths=2, directions="to_student"), model_of(paths=0)
    for model in (mixed, plain):
        tiny.losses_of(model)
    for key, value in plain.student.state_dict().items():
        assert torch.equal(mixed.student.state_dict()[key], value), key
    assert mixed.student.state_dict()["backbone.layer3.0.bn1.num_batches_tracked"] == 1


def test_it_owns_no_network():
    model = model_of()
    keys = model.terms.state_dict()
    assert {key.split(".")[2] for key in keys} == {"draws", "to_teacher", "to_student"}
    copy = deepcopy(model)
    stages = copy.terms["fcfd"].loss._stages
    assert stages["student"].module is copy.student
    assert stages["teacher"].module is model.teachers["teacher"].network


def test_bridges_to_maps_before_their_activation_end_in_none():
    taps = [f"{stage}.0.relu:input" for stage in STAGES]
    term = fcfd() | dict(teacher=taps)
    loss = tiny.distiller(terms=dict(fcfd=term)).terms["fcfd"].loss
    assert [len(bridge) for bridge in loss.to_teacher] == [2, 2, 2]
    assert [len(bridge) for bridge in loss.to_student] == [3, 3]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("teacher", [None, "bfloat16"])
def test_it_computes_in_half_precision_and_compares_in_full(dtype, teacher):
    given = dict(model=tiny.classifier(6), dtype=teacher)
    terms = dict(fcfd=fcfd(paths=4))
    torch.manual_seed(0)
    model = tiny.distiller(teacher=given, terms=terms, student_loss_weight=0.0)
    exact = tiny.losses_of(deepcopy(model))["loss_fcfd"]
    with torch.autocast("cpu", dtype=dtype):
        value = tiny.losses_of(model)["loss_fcfd"]
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, exact, rtol=0.05, atol=0.0)
    value.backward()
    assert model.student.backbone.conv1.weight.grad.isfinite().all()


def test_a_folded_teacher_is_run_on_too():
    plain, folded = (
        dict(model=tiny.classifier(6, init_cfg=None), fold_bn=fold) for fold in (False, True)
    )
    values = []
    for given in (plain, folded):
        torch.manual_seed(0)
        model = tiny.distiller(teacher=given, terms=dict(fcfd=fcfd(paths=4)))
        values.append(tiny.losses_of(model)["loss_fcfd"])
    torch.testing.assert_close(*values, rtol=1e-3, atol=0.0)


def test_a_terms_sample_weight_weighs_all_of_it():
    weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
    torch.manual_seed(0)
    given = dict(model=tiny.classifier(6, init_cfg=None))
    model = tiny.distiller(
        teacher=given, terms=dict(fcfd=fcfd(paths=4) | dict(sample_weight=weight))
    )
    seen = []
    model.observe(seen.append)
    tiny.losses_of(model)
    [step], [entropy] = seen, seen[0].terms["fcfd"].weight
    assert entropy.unique().numel() == 4
    maps = [[*step.features[name].values()][:3] for name in ("student", "teacher")]
    each = model.terms["fcfd"].loss(*maps, reduction_override="none")
    torch.testing.assert_close(step.terms["fcfd"].loss, (each * entropy).mean())


def refused(message, **changes):
    model = dict(terms=dict(fcfd=fcfd()))
    model.update(changes)
    with pytest.raises(ValueError, match=message):
        tiny.distiller(**model)


def test_what_cannot_work_is_refused_in_words():
    refused(
        "stages in pairs, and taps 3 of the student and 2",
        terms=dict(fcfd=fcfd() | dict(teacher=STAGES[1:])),
    )
    refused(
        r"feature maps \(N, C, H, W\)",
        terms=dict(fcfd=fcfd() | dict(student="neck", teacher="neck")),
    )
    refused("draws 5 mixed paths a step, and 3 stages have 4", terms=dict(fcfd=fcfd(paths=5)))
    refused("student has 5 classes and the teacher 7", teacher=dict(model=tiny.classifier(6, 7)))
    refused("positive temperature", terms=dict(fcfd=fcfd(temperature=0)))
    refused("directions among both, to_teacher, to_student", terms=dict(fcfd=fcfd(directions="bi")))
    refused(
        "no bridge from a map of 16 x 16 to one of 4 x 4",
        terms=dict(fcfd=fcfd(paths=0) | dict(student=STAGES[0], teacher=STAGES[2])),
    )
    refused("did not run in this forward", terms=dict(fcfd=fcfd() | dict(student=STAGES[::-1])))
    refused(
        "class_map of the teacher 'teacher'",
        teacher=dict(model=tiny.classifier(6), class_map=[0, 1, 2, 3, 4]),
    )
    refused("compile=False", teacher=dict(model=tiny.classifier(6), compile=True))
    refused("from their stages to one tensor", terms=dict(fcfd=fcfd() | dict(logits=["head.fc"])))
    refused("has no module 'head.cls' to tap", logits="head.cls")
    two = {name: dict(model=tiny.classifier(6)) for name in ("one", "two")}
    refused("write a term for each teacher", teachers=two)


def test_a_loss_by_itself_says_what_it_lacks():
    loss = MODELS.build(dict(type="mmkd.FCFD"))
    with pytest.raises(ValueError, match=r"follow\(student, teacher\)"):
        loss(torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4))
