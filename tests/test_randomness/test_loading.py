"""Loading by position, and detection of transforms that draw elsewhere."""

import random
from functools import partial

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset, default_collate, pseudo_collate
from mmengine.registry import TRANSFORMS, init_default_scope
from torch.utils.data import DataLoader, IterableDataset, Subset

from mmkd.randomness import Position, PositionedLoading, load_by_position, obstacle, unrepeatable
from mmkd.randomness.loading import may_draw
from mmkd.randomness.repeatability import difference
from mmkd.randomness.seeding import Purpose, UndrawnGenerators, position_seed, seed_generators

CROP_AND_COLOUR = [
    dict(type="mmpretrain.RandomResizedCrop", scale=16),
    dict(type="mmpretrain.RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="mmpretrain.ColorJitter", brightness=0.4, contrast=0.4, saturation=0.4),
    dict(
        type="mmpretrain.RandAugment",
        policies="timm_increasing",
        num_policies=2,
        magnitude_level=9,
        magnitude_std=0.5,
    ),
    dict(type="mmpretrain.RandomErasing", erase_prob=1.0),
    dict(type="mmpretrain.PackInputs"),
]
TORCHVISION = [
    dict(type="mmpretrain.NumpyToPIL", to_rgb=True),
    dict(type="mmpretrain.torchvision/RandomAffine", degrees=30),
    dict(type="mmpretrain.torchvision/RandomPerspective"),
    dict(type="mmpretrain.PILToNumpy", to_bgr=True),
    dict(type="mmpretrain.PackInputs"),
]
DETECTION = [
    dict(type="mmdet.RandomResize", scale=[(24, 24), (48, 48)], keep_ratio=True),
    dict(type="mmdet.RandomCrop", crop_size=(16, 16), allow_negative_crop=True),
    dict(type="mmdet.PhotoMetricDistortion"),
    dict(type="mmdet.RandomFlip", prob=0.5),
    dict(type="mmdet.PackDetInputs", meta_keys=("img_shape", "flip")),
]


@TRANSFORMS.register_module()
class OwnGenerator(BaseTransform):
    """Draws from a generator of its own."""

    def transform(self, results):
        results["img"] = results["img"] + np.random.default_rng().random()
        return results


@TRANSFORMS.register_module()
class Remembering(BaseTransform):
    """Gives what it saw before."""

    def __init__(self):
        self.last = np.zeros(1)

    def transform(self, results):
        results["img"] = self.last = results["img"] + self.last.mean()
        return results


class Photographs(BaseDataset):
    """Images with a box each."""

    def load_data_list(self):
        generator = np.random.default_rng(0)
        return [
            dict(
                img=generator.integers(0, 255, (32, 32, 3), dtype=np.uint8),
                img_shape=(32, 32),
                gt_label=index,
                gt_bboxes=np.array([[4.0, 4.0, 28.0, 28.0]], np.float32),
                gt_bboxes_labels=np.array([0]),
                gt_ignore_flags=np.array([False]),
            )
            for index in range(4)
        ]


def loading(pipeline, seed=0):
    init_default_scope("mmpretrain")
    return PositionedLoading(Photographs(pipeline=[*pipeline]), seed)


class Numbers(list):
    """Draws one number of each generator."""

    def __getitem__(self, index):
        return torch.tensor([random.random(), np.random.rand(), torch.rand(()).item()])


@pytest.mark.parametrize("pipeline", [CROP_AND_COLOUR, TORCHVISION, DETECTION])
def test_transforms_depend_on_the_position_alone(pipeline):
    first, other = loading(pipeline), loading(pipeline)
    assert unrepeatable(first, range(4)) is None
    for index in (3, 0, 2):
        other.load(Position(index, 1))
        same = first.load(Position(index, 5)), other.load(Position(index, 5))
        assert difference(*same) is None
        assert difference(same[0], first.load(Position(index, 6))) is not None
    elsewhere = loading(pipeline, seed=1)
    assert difference(elsewhere.load(Position(0, 5)), first.load(Position(0, 5))) is not None


@pytest.mark.parametrize("transform", ["OwnGenerator", "Remembering"])
def test_what_draws_elsewhere_is_named(transform):
    pipeline = [dict(type=transform), dict(type="mmpretrain.PackInputs")]
    words = unrepeatable(loading(pipeline), [2])
    assert words == (f"sample 2, loaded twice, differs in 'inputs' by the transform {transform}")


def test_every_generator_is_seeded():
    numbers = PositionedLoading(Numbers([0] * 4), 0)
    first = numbers.load(Position(1, 0))
    assert torch.equal(first, numbers.load(Position(1, 0)))
    for position in (Position(2, 0), Position(1, 1), Position(1, 0, 1)):
        assert not torch.isclose(first, numbers.load(position)).any()


def test_the_global_generator_stays_what_it_was():
    expected = np.random.RandomState(5).rand(2)
    np.random.seed(5)
    before = np.random.rand()
    PositionedLoading(Numbers([0] * 4), 0)([Position(index, 0) for index in range(4)])
    assert [before, np.random.rand()] == expected.tolist()


class Seeding(list):
    def __getitem__(self, index):
        np.random.seed(5)
        return torch.tensor(np.random.rand())


def test_a_transform_that_seeds_leaves_others_alone():
    """Its numbers are those of its seed, and neither other samples nor the run draw from them."""
    loading = PositionedLoading(Seeding([0] * 4), 0)
    one, other = loading([Position(1, 0), Position(2, 0)])
    assert one == other
    assert np.random.rand() != one.item()


@pytest.mark.parametrize("draw", [random.random, lambda: random.gauss(0, 1), torch.rand])
def test_any_draw_from_another_generator_is_noticed(draw):
    generators = UndrawnGenerators()
    generators.begin()
    draw(*((1,) if draw is torch.rand else ()))
    assert not generators.hold()
    generators.begin()
    assert generators.hold()


def test_plain_indices_draw_as_the_generators_stand():
    numbers = PositionedLoading(Numbers([0] * 4), 0)
    assert not torch.isclose(numbers.load(1), numbers.load(1)).any()


def test_a_subset_asks_for_its_own_samples():
    loader = DataLoader(Subset([10, 11, 12, 13], [3, 1]), batch_size=2)
    load_by_position(loader, 0)
    assert [batch.tolist() for batch in loader] == [[13, 11]]


def test_it_may_be_called_again():
    loader = DataLoader(Numbers([0] * 4), batch_size=4)
    load_by_position(loader, 0)
    [first] = loader
    load_by_position(loader, 0)
    [again] = loader
    load_by_position(loader, 1)
    [other] = loader
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).any()


class Stream(IterableDataset):
    """Has no index."""

    def __iter__(self):
        return iter(())


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        (lambda: DataLoader(Stream(), batch_size=2), "a stream, without an index"),
        (lambda: DataLoader([1, 2], batch_size=None), "without batches"),
        (lambda: DataLoader([1, 2], batch_sampler=[[0], [1]]), "list, has no `sampler`"),
        (lambda: DataLoader([1, 2], batch_size=2), None),
    ],
)
def test_obstacles(loader, words):
    found = obstacle(loader())
    assert found is None if words is None else words in found


class Seldom(list):
    """Draws from numpy's generator, and in one sample of four from another one too."""

    def __init__(self, draw, fails=False):
        super().__init__(range(4))
        self.draw, self.fails, self.loaded = draw, fails, []

    def __getitem__(self, index):
        self.loaded.append(int(index))
        first, second = np.random.rand(), self.draw() if index == 2 else 0.0
        if index == 2 and self.fails:
            raise ValueError(f"drew {second}")
        return torch.tensor([first, second], dtype=torch.float64)


def drawn():
    return random.random(), np.random.rand(), torch.rand(()).item()


def drawing_collate(samples, scale=1.0):
    return torch.tensor(drawn()) * scale


@pytest.mark.parametrize(
    ("collate", "expected"),
    [
        (partial(pseudo_collate), False),
        (default_collate, False),
        (DataLoader([0]).collate_fn, False),
        (drawing_collate, True),
        (partial(drawing_collate, scale=2.0), True),
    ],
)
def test_only_collates_that_draw_nothing_are_taken_to_draw_nothing(collate, expected):
    assert may_draw(collate) is expected


def test_what_a_collate_draws_depends_on_the_position_alone():
    """Otherwise a batch would depend on the batches that were loaded before a run was resumed."""
    loader = DataLoader(Seldom(random.random), batch_size=2, collate_fn=drawing_collate)
    _, batches = load_by_position(loader, 0)
    drawn()
    first, second = loader
    loader = DataLoader(Seldom(random.random), batch_size=2, collate_fn=drawing_collate)
    _, batches = load_by_position(loader, 0)
    batches.skip = 1
    [again] = loader
    assert torch.equal(second, again)
    assert not torch.isclose(first, second).any()


OTHERS = [random.random, lambda: torch.rand(()).item()]


@pytest.mark.parametrize("draw", [float, *OTHERS], ids=["numpy", "random", "torch"])
def test_a_batch_is_what_its_samples_are_when_loaded_alone(draw):
    """Though generators that no sample draws from are not seeded for each sample."""
    batches = [[Position(index, 1) for index in part] for part in ((3, 0), (2, 1), (0, 3))]
    together, alone = (PositionedLoading(Seldom(draw), 0, collate_draws=True) for _ in range(2))
    for batch in batches:
        found, left = together(batch), drawn()
        expected = [alone.load(position) for position in batch]
        assert torch.equal(torch.stack(found), torch.stack(expected))
        seed_generators(position_seed(0, Purpose.SAMPLE, *batch[-1].place))
        assert left == drawn()
    again = [] if draw is float else [2, 1]
    assert together.dataset.loaded == [3, 0, 2, 1, *again, 0, 3]


@pytest.mark.parametrize("draw", OTHERS, ids=["random", "torch"])
def test_a_sample_that_fails_does_so_by_its_position(draw):
    messages = []
    for before in ([], [1], [0, 1]):
        loading = PositionedLoading(Seldom(draw, fails=True), 0)
        with pytest.raises(ValueError, match="drew") as error:
            loading([Position(index, 0) for index in (*before, 2)])
        messages.append(str(error.value))
    assert len(set(messages)) == 1
