"""OFD: margins, the partial distance, and the bug of mdistiller."""

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from mmkd.losses import OFDLoss
from mmkd.losses.features.ofd_loss import expected_negative

BLOCK = "backbone.layer3.0"


def term(**loss):
    return dict(
        ofd=dict(
            student=f"{BLOCK}.relu:input",
            teacher=f"{BLOCK}.relu:input",
            connector=dict(type="mmkd.ConvBNConnector"),
            loss=dict(type="mmkd.OFDLoss", **loss),
            weight=1e-3,
        )
    )


def test_the_margin_is_the_mean_of_what_is_negative():
    norm = nn.BatchNorm1d(5)
    scale, shift = [1.0, -2.0, 0.5, 1.0, 0.0], [0.0, 1.0, -0.7, 5.0, -0.3]
    with torch.no_grad():
        norm.weight.copy_(torch.tensor(scale))
        norm.bias.copy_(torch.tensor(shift))
    drawn = np.random.RandomState(0).standard_normal(2_000_000)
    found = expected_negative(norm).tolist()
    for k in range(3):
        values = scale[k] * drawn + shift[k]
        assert found[k] == pytest.approx(values[values < 0].mean(), rel=5e-3)
    assert found[0] == pytest.approx(-np.sqrt(2 / np.pi), rel=1e-12)
    assert found[3] == -3.0, "hardly anything is negative"
    assert found[4] == pytest.approx(-0.3), "a constant channel"


@pytest.mark.parametrize(
    ("student", "teacher", "expected"),
    [
        (1.0, 3.0, 4.0),
        (-2.0, 3.0, 25.0),
        (-0.4, -9.0, 0.1**2),  # above the margin of a teacher far below it
        (-0.6, -9.0, 0.0),
        (1.0, -0.2, 1.2**2),
        (-0.3, -0.2, 0.0),  # less than a teacher that is not active
    ],
)
def test_what_the_teacher_does_not_activate_only_has_to_stay_below_it(student, teacher, expected):
    pair = torch.full((1, 1, 1, 1), student), torch.full((1, 1, 1, 1), teacher)
    assert OFDLoss(margin=-0.5)(*pair).item() == pytest.approx(expected, rel=1e-5)


def test_layers_count_by_their_depth():
    student = [torch.zeros(3, 2, size, size) for size in (4, 2, 1)]
    teacher = [torch.ones_like(maps) for maps in student]
    assert OFDLoss(margin=0.0)(student, teacher).item() == 32 / 4 + 8 / 2 + 2


def test_each_channel_has_its_margin_from_the_teachers_batch_norm():
    model = tiny.distiller(terms=term(norms=[f"{BLOCK}.bn2"]))
    loss = model.terms["ofd"].loss
    norm = model.teachers["teacher"].network.get_submodule(f"{BLOCK}.bn2")
    torch.testing.assert_close(loss.margin_0, expected_negative(norm).float())
    teacher = torch.full((2, 12, 4, 4), -100.0)
    student = loss.margin_0[:, None, None].expand(2, 12, 4, 4)
    assert loss(student, teacher) == 0
    assert loss(student + 0.5, teacher).item() == pytest.approx(12 * 16 * 0.25, rel=1e-5)


def test_mdistillers_bug_is_absent_the_teacher_is_in_eval_mode():
    """There `train` reaches the teacher: features depend on the batch, and statistics move."""
    model = tiny.distiller(terms=term(norms=[f"{BLOCK}.bn2"]))
    network, seen = model.teachers["teacher"].network, []
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.get_submodule(f"{BLOCK}.relu").register_forward_pre_hook(
        lambda _, given: seen.append(given[0])
    )
    data = tiny.batch()
    tiny.losses_of(model, data)
    alone = {key: value[:1] for key, value in data.items()}
    tiny.losses_of(model, alone)
    torch.testing.assert_close(seen[0][:1], seen[1])
    assert not any(module.training for module in network.modules())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give their paths as `norms`"),
        (dict(norms=["a"], margin=0.0), "give their paths as `norms`"),
        (dict(margin=0.5), "below zero"),
        (dict(norms=[f"{BLOCK}.relu"]), "there is ReLU"),
        (dict(norms=[f"{BLOCK}.bn2"] * 2), "2 `norms` for 1 taps"),
        (
            dict(norms=["backbone.layer1.0.bn2"]),
            "with 12 channels, and 'backbone.layer1.0.bn2' has 6",
        ),
        (dict(norms=[f"{BLOCK}.bn9"]), "has no module 'backbone.layer3.0.bn9'"),
    ],
)
def test_bad_arguments_are_refused_when_it_is_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny.distiller(terms=term(**arguments))
