"""Losses on the regions of an image, against numpy."""

import numpy as np
import pytest
import tiny
import torch
from feature_cases import built, extras, features
from logit_cases import kl, softmax
from map_references import pooled

from mmkd.losses import SDDLoss
from mmkd.weights import EntropyWeight

TERM = dict(
    student="backbone",
    teacher="backbone",
    loss=dict(type="mmkd.SDDLoss", loss=dict(type="mmkd.KDLoss")),
)


def regions(loss: SDDLoss, side: str, maps: torch.Tensor) -> np.ndarray:
    """Logits of 1 + 4 regions of each map, (5, N, K)."""
    layer = loss.classifiers[side].layer
    cells = [pooled(maps.detach().numpy(), grid) for grid in (1, 2)]
    vectors = np.concatenate([c.reshape(*c.shape[:2], -1) for c in cells], 2).transpose(2, 0, 1)
    return vectors @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


@pytest.mark.parametrize("weighed", [False, True])
def test_each_samples_loss_is_the_released_codes(weighed):
    [student], [teacher] = features("SDDLoss", scale=4.0)
    weight = dict(type="mmkd.EntropyWeight") if weighed else None
    loss = built("SDDLoss", grids=(1, 2), region_weight=weight)
    labels = extras("SDDLoss")["labels"]
    own, theirs = regions(loss, "student", student), regions(loss, "teacher", teacher)
    right = theirs.argmax(-1) == labels.numpy()
    twice = right != right[:1]
    assert 0 < twice.sum() < twice.size
    each = 16 * kl(softmax(theirs / 4), softmax(own / 4)) * (1 + twice)
    if weighed:
        flat = torch.from_numpy(theirs.reshape(-1, theirs.shape[-1]))
        each = each * EntropyWeight()(flat, flat).numpy().reshape(each.shape)
    found = loss(student, teacher, labels=labels, reduction_override="none")
    np.testing.assert_allclose(found.detach().numpy(), each.mean(0), rtol=1e-10)


def test_the_whole_image_alone_is_the_loss_on_logits():
    whole = dict(TERM, loss=dict(TERM["loss"], grids=(1,)))
    model = tiny.distiller(terms=dict(sdd=whole, kd=dict(loss=dict(type="mmkd.KDLoss"))))
    losses = tiny.losses_of(model)
    torch.testing.assert_close(losses["loss_sdd"], losses["loss_kd"])


def test_it_learns_in_a_distiller_with_labels():
    dkd = dict(TERM, loss=dict(TERM["loss"], loss=dict(type="mmkd.DKDLoss")))
    model = tiny.distiller(terms=dict(sdd=dkd))
    tiny.losses_of(model)["loss_sdd"].backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    assert model.student.head.fc.weight.grad.abs().sum() > 0


def test_wrong_use_is_refused_in_words():
    with pytest.raises(ValueError, match="the first of them 1"):
        SDDLoss(dict(type="mmkd.KDLoss"), grids=(2, 4))
    with pytest.raises(ValueError, match="DISTLoss has none of single samples"):
        SDDLoss(dict(type="mmkd.DISTLoss"))
    with pytest.raises(ValueError, match="needs the labels of the batch"):
        built("SDDLoss")(*features("SDDLoss"))
    with pytest.raises(ValueError, match="one map"):
        SDDLoss(dict(type="mmkd.KDLoss")).adapt([(4, 8)], [(4, 8, 2, 2)])
