"""Effects of terms on samples."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from mmengine.config import Config

from mmkd.distillers import Distiller
from mmkd.logits import ProbabilityShift
from mmkd.visualization import Samples, collect_samples, trained_distiller
from mmkd.weights import EntropyWeight

ADJUSTED = dict(
    type="mmkd.KDLoss",
    temperature=dict(type="mmkd.CWSMTemperature"),
    target=dict(type="mmkd.ProbabilityShift"),
)
ER = dict(type="mmkd.EntropyWeight")


def distiller(**term: Any) -> Distiller:
    torch.manual_seed(0)
    term.setdefault("loss", dict(type="mmkd.KDLoss"))
    return tiny.distiller(terms=dict(kd=term)).eval()


def collect(model: Distiller, name: str = "kd") -> Samples:
    return collect_samples(model, [tiny.batch(4, seed=0), tiny.batch(3, seed=1)], name)


def test_weights_are_those_of_the_step() -> None:
    model = distiller(sample_weight=ER)
    samples = collect(model)
    inputs = model.data_preprocessor(tiny.batch(4), True)["inputs"]
    logits = model.teachers["teacher"].network(inputs)
    torch.testing.assert_close(samples.weights[0, :4], EntropyWeight()(logits, logits))
    assert samples.predictions[0, :4].tolist() == logits.argmax(1).tolist()
    assert samples.weights.shape == samples.right.shape == (1, 7)
    assert samples.temperatures is None
    assert samples.targets is None


def test_images_are_as_loaded() -> None:
    samples = collect(distiller(sample_weight=ER))
    loaded = tiny.batch(4)["inputs"].permute(0, 2, 3, 1)
    assert (torch.from_numpy(samples.images[:4]) == loaded).all()


def test_channels_are_shown_in_order() -> None:
    model = distiller(sample_weight=ER)
    model.student.data_preprocessor._channel_conversion = True  # the images are loaded as BGR
    loaded = tiny.batch(4)["inputs"].flip(1).permute(0, 2, 3, 1)
    assert (torch.from_numpy(collect(model).images[:4]) == loaded).all()


def test_temperatures_and_targets_are_those_of_the_loss() -> None:
    samples = collect(distiller(loss=ADJUSTED))
    assert samples.temperatures.shape == (7,)
    assert samples.temperatures.unique().numel() > 1
    before, after = samples.targets
    expected = ProbabilityShift()(before.log(), samples.labels).exp()
    torch.testing.assert_close(after, expected)
    changed = (before != after).any(1)
    assert changed.any()
    assert not (changed & samples.right[0]).any()


def test_several_teachers_have_a_row_each() -> None:
    torch.manual_seed(0)
    teachers = {name: dict(model=tiny.classifier(6)) for name in ("a", "b")}
    term = dict(loss=dict(type="mmkd.KDLoss"), teacher_weight=dict(type="mmkd.EBKDWeight"))
    samples = collect(tiny.distiller(teachers=teachers, terms=dict(kd=term)).eval())
    assert samples.teachers == ["a", "b"]
    assert samples.weights.shape == (2, 7)


def test_what_cannot_be_shown_is_told() -> None:
    with pytest.raises(ValueError, match="no term 'x'; there are kd"):
        collect(distiller(sample_weight=ER), "x")
    with pytest.raises(ValueError, match="treats all samples alike"):
        collect(distiller())


def test_nothing_is_trained_and_no_hook_stays() -> None:
    model = distiller(loss=ADJUSTED)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    collect(model)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not model.terms["kd"].loss.target._forward_hooks
    assert not model._observers


def checkpoint_of(model: Distiller, path: Path) -> str:
    torch.save(dict(state_dict=model.state_dict()), path)
    return str(path)


def test_a_trained_distiller_is_as_it_was_saved(tmp_path: Path) -> None:
    term = dict(
        student="backbone.layer3",
        teacher="backbone.layer3",
        loss=dict(type="mmkd.HintLoss"),
        schedule=dict(begin=100),
    )
    model = tiny.distiller(terms=dict(hint=term))
    path = checkpoint_of(model, tmp_path / "run.pth")
    config = dict(
        type="mmkd.Distiller",
        student=tiny.classifier(),
        teacher=dict(model=tiny.classifier(6)),
        terms=dict(hint=term),
        input_shape=(3, 16, 16),
    )
    found = trained_distiller(Config(dict(model=config, data_preprocessor=tiny.PREPROCESSOR)), path)
    assert all(torch.equal(v.cpu(), model.state_dict()[k]) for k, v in found.state_dict().items())
    assert found.terms["hint"].schedule is None
    assert not found.training


def test_a_model_without_distillation_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no mmkd\.Distiller"):
        trained_distiller(Config(dict(model=tiny.classifier())), str(tmp_path / "no.pth"))
