"""Teachers of transformers, from folders that the tests write."""

from pathlib import Path
from typing import Any

import pytest
import torch

from mmkd.teachers import Teacher
from mmkd.teachers.libraries import Request, is_local, open_library

transformers: Any = pytest.importorskip("transformers")
IMAGES = torch.rand(2, 3, 32, 32)
SIZES = dict(hidden_size=16, num_hidden_layers=8, num_attention_heads=2, intermediate_size=16)
VISION = dict(SIZES, image_size=32, patch_size=16)
TEXT = dict(SIZES, num_hidden_layers=1, vocab_size=8)


def taps(teacher: Teacher) -> dict[str, list[str]]:
    found = teacher.find_roles("teacher", IMAGES)
    assert found.error is None, found.error
    return {role: [str(tap) for tap in some] for role, some in found.taps.items()}


def test_a_classifier_with_its_weights_names_and_normalisation(tmp_path: Path) -> None:
    names = {0: "cat", 1: "dog", 2: "cow"}
    config = transformers.ViTConfig(**VISION, id2label=names)
    source = transformers.ViTForImageClassification(config)
    source.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"image_processor_type": "ViTImageProcessor", "do_normalize": true, '
        '"image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.2, 0.2]}'
    )
    assert is_local(f"hf:{tmp_path}")
    opened = open_library(Request("hf", str(tmp_path)))
    assert opened.has_weights
    assert opened.classes == ["cat", "dog", "cow"]
    assert opened.pixels is not None
    assert (opened.pixels.mean, opened.pixels.std) == ((127.5,) * 3, (51.0,) * 3)
    teacher = Teacher(f"hf:{tmp_path}")
    (logits,) = teacher.find_roles("teacher", IMAGES).taps["logits"]
    expected = source.eval()(IMAGES).logits.detach()
    torch.testing.assert_close(teacher(IMAGES, None, [logits])[logits], expected)
    random = Teacher(f"hf:{tmp_path}", pretrained=False)
    assert not torch.equal(random.network.classifier.weight, source.classifier.weight)


@pytest.mark.parametrize(("registers", "first"), [(0, 1), (3, 4)])
def test_dino_gives_its_class_token_and_its_patches(
    tmp_path: Path, registers: int, first: int
) -> None:
    kind, settings = "Dinov2", dict(VISION)
    if registers:
        kind, settings = "Dinov2WithRegisters", dict(VISION, num_register_tokens=registers)
    config = getattr(transformers, f"{kind}Config")(**settings)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tmp_path)
    found = taps(Teacher(f"hf:{tmp_path}"))
    assert found["pooled"] == ["layernorm{0}"]
    assert found["map"] == [f"layernorm{{{first}:}}"]
    assert "logits" not in found


def test_of_images_and_texts_the_part_for_images_teaches(tmp_path: Path) -> None:
    config = transformers.CLIPConfig(vision_config=VISION, text_config=TEXT)
    source = transformers.CLIPModel(config)
    source.save_pretrained(tmp_path)
    teacher = Teacher(f"hf:{tmp_path}")
    for own, given in zip(
        teacher.network.parameters(), source.vision_model.parameters(), strict=True
    ):
        assert torch.equal(own, given)
    assert taps(teacher)["pooled"] == ["post_layernorm"]


def test_offline_a_folder_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **settings: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", refuse)
    with pytest.raises(ValueError, match=r"no route to host.*hf:FOLDER"):
        Teacher("hf:facebook/dinov2-small", pretrained=True)
