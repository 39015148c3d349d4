"""D-FINE's DDF: a step on GFL equals the released arithmetic, and its weights are balanced."""

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from torch import Tensor

from mmkd.losses import LDLoss
from mmkd.weights import DDFWeight

PLACES = dict(type="mmkd.DenseLocations", select="all", overlaps=True)
LOSS = dict(type="mmkd.LDLoss", temperature=5.0, bin_mean=False, loss_weight=1.5, reduction="sum")
TERM = dict(
    student=dense.BOXES,
    teacher=dense.BOXES,
    loss=LOSS,
    sample_weight=dict(type="mmkd.DDFWeight"),
    locations=PLACES,
)


def reference(own: Tensor, theirs: Tensor, scores: Tensor, overlaps: Tensor, batch: int) -> Tensor:
    """Return D-FINE's loss on distributions (R, 4, n + 1), in float64, edge by edge.

    Args:
        own: The student's logits of the edges.
        theirs: The teacher's.
        scores: The teacher's class logits, (R, C).
        overlaps: IoU of each place with its object, (R,), 0 where it has none.
        batch: Number of images.
    """
    tau = 5.0
    own, theirs, scores, overlaps = (x.double() for x in (own, theirs, scores, overlaps))
    target = (theirs / tau).softmax(-1)
    edges = (target * (target.log() - (own / tau).log_softmax(-1))).sum(-1) * tau**2
    matched = overlaps > 0
    weight = scores.sigmoid().max(-1)[0]
    weight[matched] = overlaps[matched]
    edges = edges * weight[:, None]
    # The numbers count edges, for a batch of 32.
    counts = [4 * side.sum().double() * 32 / batch for side in (matched, ~matched)]
    means = [edges[side].mean() if side.any() else edges.sum() * 0 for side in (matched, ~matched)]
    roots = [count**0.5 for count in counts]
    return 1.5 * sum(m * r for m, r in zip(means, roots, strict=True)) / sum(roots)


@pytest.mark.parametrize("matched", [0, 3, 8])
def test_value_and_gradient_of_the_released_arithmetic(matched):
    torch.manual_seed(0)
    own = torch.randn(8, 4 * 17, dtype=torch.float64, requires_grad=True)
    theirs = torch.randn(8, 4 * 17, dtype=torch.float64)
    scores = torch.randn(8, 5, dtype=torch.float64)
    overlaps = torch.rand(8, dtype=torch.float64) * (torch.arange(8) < matched)
    weight = DDFWeight()(scores, scores, labels=overlaps)
    settings = {key: value for key, value in LOSS.items() if key != "type"}
    ours = LDLoss(**settings)(own, theirs, weight=weight)
    expected = reference(*(x.unflatten(1, (4, 17)) for x in (own, theirs)), scores, overlaps, 2)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=0)
    found, wanted = (torch.autograd.grad(loss, own)[0] for loss in (ours, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-12)


def gfl(**term):
    model = tiny.distiller(
        student=dense.gfl(), teacher=dict(model=dense.gfl(50)), logits=dense.LOGITS,
        terms=dict(ddf={**TERM, **term}),
    ).train()  # fmt: skip
    for network in (model.student, model.teachers["teacher"].network):
        torch.nn.init.normal_(network.bbox_head.gfl_reg.weight)  # distributions that differ
    return model


def test_a_step_on_gfl_weighs_its_positives_by_the_overlaps_of_its_quality_focal_loss():
    model = gfl()
    head = model.student.bbox_head
    calls, steps = [], []
    head.loss_cls.register_forward_pre_hook(lambda _, given: calls.append(given[1]))
    model.observe(steps.append)
    data = model.data_preprocessor(tiny.batch([2, 3]), True)
    losses = model(**data, mode="loss")
    [step] = steps
    features = step.features
    own, theirs, scores = (
        torch.cat([each.permute(0, 2, 3, 1).flatten(0, 2) for each in maps])
        for maps in (
            [features["student"][tap] for tap in model.terms["ddf"].student_taps],
            [features["teacher"][tap] for tap in model.terms["ddf"].teacher_taps["teacher"]],
            [features["teacher"][tap] for tap in model.terms["ddf"].logit_taps["teacher"]],
        )
    )
    # Labels, overlaps of all levels, each of them all images.
    labels, overlaps = (torch.cat([call[k] for call in calls]) for k in (0, 1))
    assert ((labels < head.num_classes) == (overlaps > 0)).all()
    assert overlaps.any()
    expected = reference(*(x.unflatten(1, (4, -1)) for x in (own, theirs)), scores, overlaps, 2)
    torch.testing.assert_close(losses["loss_ddf"].double(), expected, rtol=1e-5, atol=0)
    assert losses["loss_ddf"] > 0


def test_a_factor_multiplies_the_weights():
    torch.manual_seed(0)
    own, theirs, overlaps = torch.randn(6, 5), torch.randn(6, 5), torch.rand(6)
    overlaps[2:] = 0
    entropy = dict(type="mmkd.EntropyWeight", temperature=4.0, activation="sigmoid")
    plain, weighed = DDFWeight(), DDFWeight(entropy)
    torch.testing.assert_close(
        weighed(own, theirs, labels=overlaps),
        plain(own, theirs, labels=overlaps) * weighed.factor(own, theirs),
    )
    with pytest.raises(ValueError, match="WSLDWeight needs labels"):
        DDFWeight(dict(type="mmkd.WSLDWeight"))


def test_labels_that_are_no_overlaps_are_refused():
    logits = torch.randn(2, 5)
    for labels in (None, torch.zeros(2, dtype=torch.long)):
        with pytest.raises(ValueError, match="overlaps=True"):
            DDFWeight()(logits, logits, labels=labels)


def test_heads_that_compute_no_overlaps_are_refused():
    term = dict(TERM, student=dense.LOGITS, teacher=dense.LOGITS, loss=dict(type="mmkd.KDLoss"))
    with pytest.raises(ValueError, match="No loss of RetinaHead"):
        tiny.distiller(
            student=dense.retinanet(), teacher=dict(model=dense.retinanet(50)),
            logits=dense.LOGITS, terms=dict(ddf=term),
        )  # fmt: skip
    with pytest.raises(ValueError, match="remove its `labels`"):
        gfl(labels="bbox_head.loss_cls:input")
