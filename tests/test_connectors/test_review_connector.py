"""ReviewKD's fusion, against an independent implementation."""

import pytest
import tiny
import torch
from torch import Tensor

from mmkd.connectors import ReviewConnector, connect

STUDENT = [(2, 4, 8, 6), (2, 6, 4, 3), (2, 8, 2, 2), (2, 10)]
TEACHER = [(2, 5, 16, 12), (2, 7, 4, 3), (2, 9, 4, 4), (2, 11)]


def features(shapes: list[tuple[int, ...]]) -> list[Tensor]:
    return [torch.randn(shape) for shape in shapes]


def normalised(maps: Tensor) -> Tensor:
    """Batch norm in training, before it has learned anything."""
    mean = maps.mean((0, 2, 3), keepdim=True)
    variance = maps.var((0, 2, 3), correction=0, keepdim=True)
    return (maps - mean) / (variance + 1e-5).sqrt()


def nearest(maps: Tensor, height: int, width: int) -> Tensor:
    rows = torch.arange(height) * maps.shape[2] // height
    columns = torch.arange(width) * maps.shape[3] // width
    return maps[:, :, rows][:, :, :, columns]


def reference(connector: ReviewConnector, students: list[Tensor]) -> list[Tensor]:
    results, deeper = [], None
    for number in reversed(range(len(students))):
        level, x, target = connector.levels[number], students[number], TEACHER[number]
        x = x.reshape(*x.shape, 1, 1) if x.dim() == 2 else x
        fused = normalised(torch.einsum("nchw,mc->nmhw", x, level.reduce[0].weight[:, :, 0, 0]))
        if deeper is not None:
            deeper = nearest(deeper, *fused.shape[2:])
            convolution = level.attention[0]
            both = torch.cat([fused, deeper], 1)
            logits = torch.einsum("nchw,mc->nmhw", both, convolution.weight[:, :, 0, 0])
            share = 1 / (1 + (-logits - convolution.bias[:, None, None]).exp())
            fused = fused * share[:, 0].unsqueeze(1) + deeper * share[:, 1].unsqueeze(1)
        height, width = target[2:] or (1, 1)
        deeper = nearest(fused, height, width)
        result = torch.nn.functional.conv2d(deeper, level.expand[0].weight, padding=1)
        results.insert(0, normalised(result).reshape(target))
    return results


def test_it_is_the_references():
    torch.manual_seed(0)
    connector, students = ReviewConnector(STUDENT, TEACHER), features(STUDENT)
    for found, expected in zip(
        connector(students, features(TEACHER)), reference(connector, students), strict=True
    ):
        # Batch norm of two pooled vectors is their sign: differences of rounding are large there.
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_deep_features_reach_shallow_levels_and_not_the_reverse():
    connector = ReviewConnector(STUDENT, TEACHER).eval()
    students = [maps.requires_grad_() for maps in features(STUDENT)]
    first = connector(students, features(TEACHER))
    first[0].sum().backward()
    assert all(maps.grad.abs().sum() > 0 for maps in students)
    students = [maps.detach().requires_grad_() for maps in students]
    connector(students, features(TEACHER))[2].sum().backward()
    assert [maps.grad is None for maps in students] == [True, True, False, False]


@pytest.mark.parametrize(("limit", "channels"), [(512, 10), (3, 3)])
def test_it_fuses_in_the_channels_of_the_deepest_feature(limit, channels):
    connector = ReviewConnector(STUDENT, TEACHER, max_mid_channels=limit)
    assert {level.reduce[0].out_channels for level in connector.levels} == {channels}


def test_images_of_another_size_than_in_the_dry_run():
    connector = ReviewConnector(STUDENT[:3], TEACHER[:3])
    larger = [torch.randn(3, s[1], 2 * s[2] + 1, s[3] + 4) for s in STUDENT[:3]]
    others = [torch.randn(3, t[1], t[2] + 5, 3 * t[3]) for t in TEACHER[:3]]
    for found, teacher in zip(connector(larger, others), others, strict=True):
        assert found.shape == teacher.shape


def test_a_single_image_with_a_pooled_vector_trains():
    """The rest of a data set may be one image: batch norm alone would refuse its vector."""
    connector = ReviewConnector(STUDENT, TEACHER)
    one = [[maps[:1] for maps in features(shapes)] for shapes in (STUDENT, TEACHER)]
    sum(maps.square().sum() for maps in connector(*one)).backward()
    assert all(parameter.grad.isfinite().all() for parameter in connector.parameters())
    assert [maps.shape[0] for maps in connector(*one)] == [1] * 4


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [
        (STUDENT, TEACHER[1:], "the student has 4 features and the teacher 3"),
        (STUDENT[::-1], TEACHER[::-1], "heights 1, 2, 4, 8: .* in the order"),
        ([(2, 5, 4)], [(2, 5, 4)], r"not \(2, 5, 4\)"),
    ],
)
def test_what_it_cannot_fuse_is_refused_in_words(student, teacher, message):
    sides = [[(f"tap{i}", shape) for i, shape in enumerate(side)] for side in (student, teacher)]
    with pytest.raises(ValueError, match=f"No connector for review -> teacher: .*{message}"):
        connect("review", "teacher", dict(type="mmkd.ReviewConnector"), *sides)


def test_a_term_trains_it_with_and_without_entropy_weights():
    taps = ["backbone.layer1", "backbone.layer2", "backbone.layer3", "neck"]
    deep = [f"backbone.layer{i}.0.relu:input" for i in (1, 2, 3)]
    review = dict(
        student=taps,
        teacher=[*deep, "neck"],
        connector=dict(type="mmkd.ReviewConnector"),
        loss=dict(type="mmkd.ReviewKDLoss"),
        schedule=dict(warmup=20),
    )
    weights = [None, dict(type="mmkd.EntropyWeight"), dict(type="mmkd.EntropyAdaptiveWeight")]
    terms = {f"r{i}": review | dict(sample_weight=weight) for i, weight in enumerate(weights)}
    model = tiny.distiller(terms=terms)
    before = {name: p.clone() for name, p in model.terms.named_parameters()}
    losses = tiny.train(model, steps=2)
    assert all(losses[f"loss_{name}"] > 0 for name in terms)
    for name, parameter in model.terms.named_parameters():
        assert not torch.equal(parameter, before[name]), name
