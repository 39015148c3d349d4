"""CIRKD between segmentation networks of mmseg."""

from copy import deepcopy

import tiny_segmentors
import torch

TERM = dict(
    student="@map",
    teacher="@map",
    loss=dict(
        type="mmkd.CIRKDLoss",
        loss=dict(type="mmkd.KDLoss", temperature=1.0),
        sample_weight=dict(type="mmkd.EntropyWeight"),
        pixels=8,
        regions=4,
    ),
)


def test_it_trains_the_student_and_remembers_the_teachers_classes() -> None:
    torch.manual_seed(0)
    model = tiny_segmentors.distiller(terms=dict(cirkd=TERM))
    loss = model.terms["cirkd"].loss
    assert loss.ignored == 255
    assert loss.memory["pixels"].queue.shape == (4, 8, 128)
    before = deepcopy(loss.memory["regions"].places)
    losses, _ = tiny_segmentors.step(model)
    assert loss.memory["regions"].places.ne(before).all()
    losses["loss_cirkd"].backward()
    assert model.student.backbone.layer1[0].conv1.weight.grad.abs().sum() > 0
    assert loss.head[0].weight.grad.abs().sum() > 0
