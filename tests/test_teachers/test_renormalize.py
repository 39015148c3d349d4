import mmkd  # noqa: F401  (before mmpretrain: lets torchvision import beside a CPU torch)

# isort: split
import pytest
import torch
from mmengine.model import ImgDataPreprocessor
from mmpretrain.models import ClsDataPreprocessor
from torch import nn

from mmkd.teachers.renormalize import Normalization, Renormalize

IMAGES = torch.randint(
    0, 256, (2, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
ROUND = dict(mean=[10.0, 20.0, 30.0], std=[2.0, 3.0, 4.0])
OTHER = dict(mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4])


def network(preprocessor: nn.Module) -> nn.Module:
    holder = nn.Module()
    holder.data_preprocessor = preprocessor
    return holder


def inputs_of(preprocessor: nn.Module) -> torch.Tensor:
    return preprocessor(dict(inputs=list(IMAGES)), False)["inputs"]


PREPROCESSORS = [
    ClsDataPreprocessor(**ROUND),
    ClsDataPreprocessor(**OTHER, to_rgb=True),
    ClsDataPreprocessor(),
    ImgDataPreprocessor(**ROUND, bgr_to_rgb=True),
    ImgDataPreprocessor(**OTHER),
]


@pytest.mark.parametrize("student", PREPROCESSORS)
@pytest.mark.parametrize("teacher", PREPROCESSORS)
def test_it_gives_what_the_teachers_own_preprocessor_gives(student, teacher):
    given, wanted = Normalization.of(network(student)), Normalization.of(network(teacher))
    renormalize = Renormalize(given, wanted)
    torch.testing.assert_close(
        renormalize(inputs_of(student)), inputs_of(teacher).float(), rtol=1e-4, atol=1e-4
    )


def test_equal_normalisations_are_the_identity():
    same = Normalization((1.0, 2.0, 3.0), (1.0, 1.0, 1.0), True)
    assert Renormalize(same, same).identity


def test_other_channel_counts_are_refused_in_words():
    grey, colour = (
        Normalization((1.0,) * 2, (1.0,) * 2, False),
        Normalization.of(network(PREPROCESSORS[0])),
    )
    with pytest.raises(ValueError, match="channels"):
        Renormalize(grey, colour)


def test_a_network_without_a_preprocessor_has_no_normalisation():
    assert Normalization.of(nn.Linear(1, 1)) is None
