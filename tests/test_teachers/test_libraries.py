"""Teachers of other libraries, with random weights: nothing is downloaded here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mmkd.distillation import distill
from mmkd.networks.roles import Roles
from mmkd.teachers import Teacher
from mmkd.teachers.libraries import check_library, of_library, rooted
from mmkd.teachers.preprocessing import Preprocessing

IMAGES = torch.rand(2, 3, 32, 32)
SMALL = dict(embed_dim=16, depth=8, num_heads=2, img_size=32)
TIMM_VIT = "timm:vit_tiny_patch16_224"
HUBCONF = """
from torch import nn

def small(pretrained=False, classes=5):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net.append(nn.Linear(4, classes))
    net.pretrained = pretrained
    return net

def plain():
    return small()
"""


def roles(teacher: Teacher, images: torch.Tensor = IMAGES) -> Roles:
    found = teacher.find_roles("teacher", images)
    assert found.error is None, found.error
    return found


def taps(found: Roles, role: str) -> list[str]:
    return [str(tap) for tap in found.taps[role]]


def said(teacher: Teacher) -> Preprocessing:
    return teacher._preprocessing


def student() -> nn.Module:
    layers = nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(8, 10))


def test_names_of_libraries_are_no_names_of_configs() -> None:
    assert of_library("timm:resnet18")
    assert not of_library("mmpretrain::resnet/resnet18_8xb32_in1k.py")
    assert not of_library("configs/timm.py")


def test_torchvision_with_its_normalisation_and_no_download() -> None:
    teacher = Teacher("torchvision:resnet18")
    pixels = said(teacher).pixels
    assert pixels is not None
    assert pixels.mean == pytest.approx((123.675, 116.28, 103.53))
    assert pixels.std == pytest.approx((58.395, 57.12, 57.375))
    found = roles(teacher)
    assert taps(found, "logits") == ["fc"]
    assert teacher.classes == 1000


def test_a_checkpoint_is_loaded_strictly(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    arguments = dict(num_classes=10)
    source = Teacher("timm:resnet10t", arguments=arguments).network
    from safetensors.torch import save_file

    torch.save(source.state_dict(), tmp_path / "a.pth")
    save_file(source.state_dict(), tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        teacher = Teacher("timm:resnet10t", str(tmp_path / name), arguments=arguments)
        for key, value in teacher.network.state_dict().items():
            assert torch.equal(value, source.state_dict()[key])
    with pytest.raises(ValueError, match="does not fit ResNet"):
        Teacher("timm:resnet10t", str(tmp_path / "a.pth"))


def test_a_vit_of_timm_has_all_roles_by_patches() -> None:
    pytest.importorskip("timm")
    teacher = Teacher(TIMM_VIT, arguments=SMALL)
    found = roles(teacher)
    assert taps(found, "logits") == ["head"]
    assert taps(found, "map") == ["norm{1:}"]
    assert taps(found, "stages") == [f"blocks.{block}{{1:}}" for block in (1, 3, 5, 7)]
    assert found.shapes[found.taps["pooled"][0]] == (2, 16)
    assert found.shapes[found.taps["map"][0]] == (2, 4, 16)


def test_registers_are_told_from_patches() -> None:
    """9 tokens of 4 patches, 1 class token and 4 registers would also be a grid of 3 x 3."""
    pytest.importorskip("timm")
    settings = dict(SMALL, img_size=28)
    teacher = Teacher("timm:vit_small_patch14_reg4_dinov2", arguments=settings)
    found = roles(teacher, torch.rand(2, 3, 28, 28))
    tap = found.taps["map"][0]
    assert str(tap) == "norm{5:}"
    assert teacher(torch.rand(2, 3, 28, 28), None, [tap])[tap].shape == (2, 4, 16)


def test_maps_with_channels_last_are_read_as_tokens() -> None:
    pytest.importorskip("timm")
    settings = dict(img_size=64, embed_dim=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1))
    teacher = Teacher("timm:swin_tiny_patch4_window7_224", arguments=settings)
    images = torch.rand(2, 3, 64, 64)
    found = roles(teacher, images)
    assert [found.shapes[tap] for tap in found.taps["stages"]] == [
        (2, 256, 8),
        (2, 64, 16),
        (2, 16, 32),
        (2, 4, 64),
    ]
    first = found.taps["stages"][0]
    caught = teacher(images, None, [first, (whole := replace(first, tokens=""))])
    assert torch.equal(caught[first][:, 17], caught[whole][:, 1, 1])


def test_a_network_without_a_classifier_teaches_features_alone() -> None:
    pytest.importorskip("timm")
    teacher = dict(
        model="timm:vit_small_patch14_dinov2",
        arguments=dict(SMALL, img_size=28),
        input_size=28,
    )
    terms = dict(hint=dict(student="@map", teacher="@map", loss=dict(type="mmkd.HintLoss")))
    example = torch.rand(2, 3, 12, 12)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 4), nn.BatchNorm2d(8), nn.ReLU())
    model = distill(net, teacher, terms=terms, example=example, task_loss=None)
    assert model(example)["loss"] > 0
    with pytest.raises(ValueError, match="ends without a classifier and gives features alone"):
        distill(student(), teacher, "kd", example=example)


def test_imagenets_classes_have_names() -> None:
    timm = pytest.importorskip("timm")
    from mmkd.teachers.libraries import Request, open_library

    opened = open_library(Request("timm", "resnet10t"))
    assert opened.classes is not None
    assert (len(opened.classes), opened.classes[1].split(",")[0]) == (1000, "goldfish")
    assert timm.data.ImageNetInfo().num_classes() == 1000
    fewer = open_library(Request("timm", "resnet10t", arguments=dict(num_classes=10)))
    assert fewer.classes is None


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, as the libraries themselves see it, and no files from former downloads."""

    def refuse(*arguments: Any, **settings: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))


def test_offline_pretrained_weights_are_refused_in_words(offline: None) -> None:
    with pytest.raises(ValueError, match=r"no route to host.*name the file in place of"):
        Teacher("torchvision:resnet18", pretrained=True)


def test_unknown_names_have_near_matches() -> None:
    with pytest.raises(ValueError, match="Did you mean 'resnet18'"):
        check_library("torchvision:resnet81")
    with pytest.raises(ValueError, match="has no classifier"):  # its backbone would be downloaded
        check_library("torchvision:fasterrcnn_resnet50_fpn")
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match="timm has no network"):
        check_library("timm:resnet1")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match="pip install timm"):
        Teacher("timm:resnet18")


def test_settings_of_libraries_are_for_libraries() -> None:
    with pytest.raises(ValueError, match="are for networks of other libraries"):
        Teacher(student(), pretrained=True)


def test_a_repository_runs_only_with_trust(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text(HUBCONF)
    name = f"hub:{tmp_path}:small"
    with pytest.raises(ValueError, match=r"torch\.hub runs the code of the repository"):
        Teacher(name)
    teacher = Teacher(name, trust_checkpoint=True, arguments=dict(classes=7))
    assert teacher.network.pretrained is False
    roles(teacher)
    assert teacher.classes == 7
    assert Teacher(name, trust_checkpoint=True, pretrained=True).network.pretrained is True
    plain = f"hub:{tmp_path}:plain"
    assert Teacher(plain, trust_checkpoint=True).network.pretrained is False
    with pytest.raises(ValueError, match="pretrained"):
        Teacher(plain, trust_checkpoint=True, pretrained=True)


def test_folders_are_named_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path)
    assert rooted("hub:clone:small") == f"hub:{tmp_path}/clone:small"
    assert rooted("hf:clone") == f"hf:{tmp_path}/clone"
    assert rooted("hf:facebook/dinov2-small") == "hf:facebook/dinov2-small"
    assert rooted("timm:resnet18") == "timm:resnet18"
