"""A teacher whose batch norms normalise by the batch, as in some released code."""

import copy

import tiny
import torch
from torch import nn

from mmkd.networks.taps import Tap
from mmkd.teachers import Teacher

LOGITS = Tap.parse("head.fc")


def teacher(**arguments):
    torch.manual_seed(0)
    made = Teacher(tiny.classifier(6), **arguments)
    for module in made.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return made


def test_it_gives_what_training_mode_gives_and_changes_nothing():
    made, images = teacher(released_code=True), torch.randn(4, 3, 16, 16)
    before = copy.deepcopy(made.network.state_dict())
    found = made(images, None, [LOGITS])[LOGITS]
    training = copy.deepcopy(made.network).train()
    torch.testing.assert_close(found, training.head.fc(training.extract_feat(images)[0]))
    after = made.network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not any(module.training for module in made.network.modules())
    assert not torch.allclose(found, teacher()(images, None, [LOGITS])[LOGITS])


def test_it_is_evaluated_with_its_running_statistics():
    images = torch.randn(2, 3, 16, 16)
    scores = [
        torch.stack(
            [s.pred_score for s in made.predict(images, [tiny.DataSample(), tiny.DataSample()])]
        )
        for made in (teacher(released_code=True), teacher())
    ]
    torch.testing.assert_close(*scores)


def test_mixed_paths_run_on_as_the_teacher_runs():
    """FCFD checks when it is built that both agree."""
    stages = [f"backbone.layer{stage}" for stage in (1, 2, 3)]
    term = dict(
        student=stages, teacher=stages, loss=dict(type="mmkd.FCFD", directions="to_teacher")
    )
    values = []
    for released_code in (True, False):
        torch.manual_seed(0)
        given = dict(model=tiny.classifier(6), released_code=released_code)
        model = tiny.distiller(teacher=given, terms=dict(fcfd=term))
        values.append(tiny.losses_of(model)["loss_fcfd"].item())
    assert values[0] != values[1]
