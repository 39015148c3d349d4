"""Mixed precision on a CPU."""

import pytest
import tiny_detectors
import torch
from mmengine.config import Config
from mmengine.registry import OPTIM_WRAPPERS
from tiny import batch, distiller

from mmkd.engine import CPUAmpOptimWrapper, amp, use_mixed_precision


def wrapper_for(model: torch.nn.Module, kind: str) -> object:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return OPTIM_WRAPPERS.build(dict(type=kind, optimizer=optimizer))


def test_the_forward_runs_in_bfloat16_and_the_loss_in_float32() -> None:
    model = distiller()
    seen = {}
    model.student.backbone.conv1.register_forward_hook(
        lambda *arguments: seen.update(student=arguments[-1].dtype)
    )
    model.observe(lambda step: seen.update(loss=step.terms["kd"].loss.dtype))
    logged = model.train_step(batch(), wrapper_for(model, "mmkd.CPUAmpOptimWrapper"))
    assert seen == dict(student=torch.bfloat16, loss=torch.float32)
    assert all(value.isfinite() for value in logged.values())


def test_parameters_and_gradients_stay_in_float32_and_move() -> None:
    model = distiller()
    before = {name: value.clone() for name, value in model.named_parameters()}
    model.train_step(batch(), wrapper_for(model, "mmkd.CPUAmpOptimWrapper"))
    assert all(value.dtype == torch.float32 for value in model.parameters())
    assert any(not torch.equal(before[name], value) for name, value in model.named_parameters())


def test_refuses_another_type() -> None:
    with pytest.raises(ValueError, match="bfloat16"):
        CPUAmpOptimWrapper(dtype="float16", optimizer=None)


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_detectors_train(dtype: str | None) -> None:
    teacher = dict(model=tiny_detectors.faster_rcnn(50), dtype=dtype)
    model = tiny_detectors.distiller(teacher=teacher)
    wrapper = wrapper_for(model, "mmkd.CPUAmpOptimWrapper")
    for boxes in ([2, 3], [0, 0]):
        logged = model.train_step(tiny_detectors.batch(boxes), wrapper)
        assert all(value.isfinite() for value in logged.values())
        assert logged["loss_er"] > 0


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", dict(type="mmkd.CPUAmpOptimWrapper", clip_grad=1)),
        ("cuda", dict(type="AmpOptimWrapper", loss_scale=512.0, dtype="float16", clip_grad=1)),
    ],
)
def test_a_config_gets_the_wrapper_of_the_device(
    monkeypatch: pytest.MonkeyPatch, device: str, expected: dict[str, object]
) -> None:
    monkeypatch.setattr(amp, "get_device", lambda: device)
    given = dict(type="OptimWrapper", loss_scale=512.0, dtype="float16", clip_grad=1)
    config = Config(dict(optim_wrapper=given))
    use_mixed_precision(config)
    assert config.optim_wrapper == expected
