"""Operations on batches equal the pipeline's transforms: image by image, and in distribution."""

from typing import Any

import mmkd  # noqa: F401  (before mmpretrain)

# isort: split
import numpy as np
import pytest
import torch
from mmcv.transforms import RandomFlip
from mmpretrain.datasets.transforms import Cutout, RandomCrop
from mmpretrain.registry import TRANSFORMS

from mmkd.loading.batch_transforms import TransformError, batched
from mmkd.loading.device_images import uniform

HEIGHT, WIDTH = 6, 8


def pictures(count: int = 16, channels: int = 3) -> Any:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, HEIGHT, WIDTH, channels), dtype=np.uint8)


def draws(count: int, numbers: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((count, numbers))


def test_a_crop_is_the_crop_of_each_padded_image() -> None:
    operation = batched(RandomCrop(crop_size=(5, 7), padding=(1, 2, 3, 4), pad_val=9))
    images, numbers = pictures(), draws(16, 2)
    found = operation(torch.from_numpy(images), numbers)
    for image, (down, right), result in zip(images, numbers, found, strict=True):
        padded = np.full((HEIGHT + 6, WIDTH + 4, 3), 9.0)
        padded[2 : 2 + HEIGHT, 1 : 1 + WIDTH] = image
        top, left = int(down * 8), int(right * 6)
        assert np.array_equal(result.numpy(), padded[top : top + 5, left : left + 7])


@pytest.mark.parametrize("direction", ["horizontal", "vertical"])
def test_a_flip_is_the_flip_of_each_image_below_the_probability(direction: str) -> None:
    operation = batched(RandomFlip(prob=0.3, direction=direction))
    images, numbers = pictures(), draws(16, 1)
    found = operation(torch.from_numpy(images), numbers)
    for image, [number], result in zip(images, numbers, found, strict=True):
        flipped = image[:, ::-1] if direction == "horizontal" else image[::-1]
        assert np.array_equal(result.numpy(), flipped if number < 0.3 else image)


def test_a_cutout_fills_a_rectangle_around_a_point() -> None:
    operation = batched(Cutout(shape=(3, 4), pad_val=(1, 2, 3), prob=0.6))
    images, numbers = pictures(64), draws(64, 3)
    found = operation(torch.from_numpy(images), numbers)
    for image, (chance, down, right), result in zip(images, numbers, found, strict=True):
        expected = image.astype(float)
        if chance < 0.6:
            top = int(max(0, HEIGHT - (HEIGHT - 1) * down - 1.5))
            left = int(max(0, WIDTH - (WIDTH - 1) * right - 2))
            expected[top : top + 3, left : left + 4] = (1, 2, 3)
        assert np.array_equal(result.numpy(), expected)


@pytest.mark.parametrize(
    "transform",
    [
        RandomCrop(crop_size=4, padding=1),
        RandomFlip(prob=0.25),
        Cutout(shape=2, pad_val=0, prob=0.5),
    ],
    ids=["crop", "flip", "cutout"],
)
def test_results_are_as_frequent_as_the_transforms(transform: Any) -> None:
    """Each possible result of one image, counted: a chi-squared test of two samples."""
    image, count = pictures(1, 1)[0], 4000
    np.random.seed(0)
    theirs = [transform(dict(img=image.copy()))["img"].tobytes() for _ in range(count)]
    operation = batched(transform)
    assert operation is not None
    whole = torch.from_numpy(image).expand(count, -1, -1, -1)
    ours = [
        one.numpy().tobytes() for one in operation(whole, uniform(range(count), operation.draws))
    ]
    kinds = sorted({*theirs, *ours})
    counts = np.array([[each.count(kind) for kind in kinds] for each in (theirs, ours)])
    chi = ((counts[0] - counts[1]) ** 2 / counts.sum(0)).sum()
    free = len(kinds) - 1
    assert chi < free + 5 * np.sqrt(2 * free) + 10
    assert len(kinds) > 1


def test_random_numbers_are_uniform_and_unrelated() -> None:
    numbers = uniform(range(20_000), 3)
    assert 0 <= numbers.min() < numbers.max() < 1
    counts = np.stack([np.histogram(column, 20, (0, 1))[0] for column in numbers.T])
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)
    neighbours = np.hstack([numbers[:-1], numbers[1:]])
    assert np.abs(np.corrcoef(neighbours.T) - np.eye(6)).max() < 0.04
    assert np.array_equal(uniform([5], 3)[0], numbers[5])


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (dict(type="RandomCrop", crop_size=4, pad_if_needed=True), "no RandomCrop with pad_if_n"),
        (dict(type="RandomCrop", crop_size=4, padding=1, pad_val=(1, 2, 3)), "pad_val=\\(1, 2, 3"),
        (
            dict(type="RandomFlip", prob=[0.3, 0.2], direction=["horizontal", "vertical"]),
            "prob=\\[",
        ),
        (dict(type="RandomFlip", prob=0.5, direction="diagonal"), "direction='diagonal'"),
        (dict(type="Cutout", magnitude_range=(1, 3)), "no Cutout with shape=None"),
    ],
)
def test_settings_without_an_operation_are_refused(transform: dict[str, Any], words: str) -> None:
    with pytest.raises(TransformError, match=words):
        batched(TRANSFORMS.build(transform))


def test_a_crop_larger_than_the_image_is_refused() -> None:
    operation = batched(RandomCrop(crop_size=9, padding=1))
    with pytest.raises(TransformError, match="9 x 9 pixels of images of 8 x 10"):
        operation(torch.from_numpy(pictures()), draws(16, 2))
