"""Contrastive representation distillation, against numpy."""

import numpy as np
import pytest
import tiny
import torch
from feature_cases import built, extras, features
from mmpretrain.structures import DataSample

from mmkd.losses import CRDLoss

TERM = dict(student="neck", teacher="neck")


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def embedded(loss: CRDLoss, side: str, vectors: torch.Tensor) -> np.ndarray:
    layer = loss.embeddings[side]
    weight, bias = (p.detach().numpy() for p in (layer.weight, layer.bias))
    return unit(vectors.detach().numpy() @ weight.T + bias)


def nce(cosines: np.ndarray, valid: np.ndarray, size: int) -> np.ndarray:
    """The formula of the paper's code for one direction; the constant is set by this batch."""
    p = np.exp(cosines / 0.07)
    p = p / (p.mean() * size)
    noise = valid.shape[1] / size
    true, false = p[:, 0] / (p[:, 0] + noise + 1e-7), noise / (p[:, 1:] + noise + 1e-7)
    return -np.log(true) - (np.log(false) * valid).sum(1)


def remembered(loss: CRDLoss) -> dict[str, np.ndarray]:
    return {key: value.clone().numpy() for key, value in loss.memory.state_dict().items()}


def test_a_memory_bank_gives_the_references_loss_and_moves_by_its_momentum():
    [student], [teacher] = features("CRDLoss")
    loss = built("CRDLoss", momentum=0.3)
    given, drawn = extras("CRDLoss"), []
    draw = loss.memory._draw
    loss.memory._draw = lambda *a: drawn.append(draw(*a)) or drawn[-1]
    before = remembered(loss)
    each = loss(student, teacher, reduction_override="none", **given).detach().numpy()

    [(negatives, valid)] = [(n.numpy(), v.numpy()) for n, v in drawn]
    places = np.arange(4) * 3
    chosen = np.concatenate([places[:, None], negatives], axis=1)
    own, theirs = embedded(loss, "student", student), embedded(loss, "teacher", teacher)
    expected = sum(
        nce(np.einsum("nd,nkd->nk", anchor, memory[chosen]), valid, 20)
        for anchor, memory in ((own, before["teacher"]), (theirs, before["student"]))
    )
    assert valid.all()
    np.testing.assert_allclose(each, expected, rtol=1e-6)  # constants are single precision

    after = remembered(loss)
    for name, new in (("student", own), ("teacher", theirs)):
        moved = unit(0.3 * before[name][places] + 0.7 * new)
        np.testing.assert_allclose(after[name][places], moved, rtol=1e-9)
        untouched = np.setdiff1d(np.arange(20), places)
        np.testing.assert_array_equal(after[name][untouched], before[name][untouched])
    assert after["labels"][places].tolist() == [0, 1, 2, 0]


def test_a_queue_gives_the_references_loss_and_needs_no_indices():
    [student], [teacher] = features("CRDLoss")
    loss = built("CRDLoss", num_samples=None, queue_size=6)
    labels = torch.tensor([0, 1, 2, 0])
    loss.memory.labels.copy_(torch.tensor([0, 1, 2, 0, -1, -1]))
    before = remembered(loss)
    each = loss(student, teacher, reduction_override="none", labels=labels).detach().numpy()
    own, theirs = embedded(loss, "student", student), embedded(loss, "teacher", teacher)
    valid = before["labels"][None] != labels.numpy()[:, None]
    positive = (own * theirs).sum(1, keepdims=True)
    expected = sum(
        nce(np.concatenate([positive, anchor @ memory.T], axis=1), valid, 6)
        for anchor, memory in ((own, before["teacher"]), (theirs, before["student"]))
    )
    np.testing.assert_allclose(each, expected, rtol=1e-6)
    np.testing.assert_allclose(remembered(loss)["teacher"][:4], theirs, rtol=1e-9)


def test_the_constants_are_set_once_and_kept():
    loss, given = built("CRDLoss"), extras("CRDLoss")
    assert loss.constants.tolist() == [0, 0]
    loss(*features("CRDLoss"), **given)
    first = loss.constants.clone()
    assert (first > 0).all()
    loss(*features("CRDLoss", scale=5.0), **given)
    assert torch.equal(loss.constants, first)


def test_equal_embeddings_of_a_sample_cost_least():
    loss, given = built("CRDLoss").eval(), extras("CRDLoss")
    [student], _ = features("CRDLoss")
    loss.embeddings["teacher"] = loss.embeddings["student"]
    far = loss(student, -student, **given)
    loss.memory.teacher[given["data_samples"][0].sample_idx] = 0
    with torch.no_grad():
        own = torch.nn.functional.normalize(loss.embeddings["student"](student), dim=1)
        for n, sample in enumerate(given["data_samples"]):
            loss.memory.teacher[sample.sample_idx] = own[n]
            loss.memory.student[sample.sample_idx] = own[n]
    assert loss(student, student, **given) < far


def test_it_learns_in_a_distiller_and_nothing_is_unused():
    crd = dict(TERM, loss=dict(type="mmkd.CRDLoss", num_samples=8, negatives=4, dim=5))
    model = tiny.distiller(terms=dict(crd=crd))
    data = tiny.batch()
    for index, sample in enumerate(data["data_samples"]):
        sample.set_metainfo(dict(sample_idx=index + 4))
    losses = tiny.losses_of(model, data)
    losses["loss_crd"].backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    memory = model.terms["crd"].loss.memory
    labels = [int(sample.gt_label) for sample in data["data_samples"]]
    assert memory.labels.tolist() == [-1] * 4 + labels
    assert "terms.crd.loss.memory.student" in model.state_dict()


def test_a_bank_says_how_much_memory_it_takes_before_it_takes_it(monkeypatch):
    said = []
    monkeypatch.setattr(
        "mmkd.losses.relations.contrast_memory.print_log", lambda text, *_: said.append(text)
    )
    monkeypatch.setattr(torch.nn.Module, "register_buffer", lambda *_: pytest.fail("allocated"))
    with pytest.raises(pytest.fail.Exception):
        CRDLoss(num_samples=50_000)
    assert said == [
        "MemoryBank of CRDLoss: 50000 embeddings of 128 numbers a network, 51.6 MB in each process "
        "and in each checkpoint."
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either num_samples"),
        (dict(num_samples=5, queue_size=5), "either num_samples"),
        (dict(num_samples=1), "two samples or more"),
        (dict(queue_size=4, temperature=0.0), "positive temperature"),
        (dict(queue_size=4, momentum=1.0), "momentum"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CRDLoss(**arguments)


def test_bad_use_is_refused_in_words():
    students, teachers = features("CRDLoss")
    labels = torch.zeros(4, dtype=torch.long)
    with pytest.raises(ValueError, match=r"lack: add it to the meta_keys of PackInputs"):
        built("CRDLoss")(students, teachers, labels=labels, data_samples=[DataSample()] * 4)
    samples = [DataSample(metainfo=dict(sample_idx=20))] * 4
    with pytest.raises(ValueError, match="index 20 and has a memory for 20: set its num_samples"):
        built("CRDLoss")(students, teachers, labels=labels, data_samples=samples)
    with pytest.raises(ValueError, match="the labels of the batch"):
        built("CRDLoss")(students, teachers)
    with pytest.raises(ValueError, match="one feature of each network"):
        CRDLoss(queue_size=4).adapt([(2, 3)] * 2, [(2, 3)] * 2)
