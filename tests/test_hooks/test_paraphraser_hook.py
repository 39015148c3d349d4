"""FT's paraphraser is trained before the student, and not again."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from runs import config, distiller, run

# isort: split
from mmengine.runner import Runner

from mmkd.hooks import ParaphraserHook
from mmkd.losses import FTLoss

FT = dict(type="mmkd.FTLoss", released_code=True)
TERM = dict(student="neck:input", teacher="neck:input", loss=FT)
MODEL = distiller(terms=dict(ft=TERM))


def hook(epochs: int = 3) -> dict[str, Any]:
    return dict(type="mmkd.ParaphraserHook", epochs=epochs, lr=0.5)


def test_the_paraphraser_learns_alone_and_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[float] = []
    reconstruction = FTLoss.reconstruction

    def seen(self: FTLoss, maps: Any) -> torch.Tensor:
        errors.append((error := reconstruction(self, maps)).item())
        return error

    monkeypatch.setattr(FTLoss, "reconstruction", seen)
    runner = Runner.from_cfg(config(tmp_path, MODEL, custom_hooks=[hook()]))
    student = {k: v.clone() for k, v in runner.model.student.state_dict().items()}
    [learner] = [h for h in runner.hooks if isinstance(h, ParaphraserHook)]
    learner.before_train(runner)
    assert len(errors) == 6  # three epochs of two batches
    assert errors[-1] < errors[0]
    for key, value in runner.model.student.state_dict().items():
        assert torch.equal(value, student[key])
    loss = runner.model.terms["ft"].loss
    assert bool(loss.paraphrased)
    assert not any(weight.requires_grad for weight in loss.paraphrasers())
    assert all(weight.requires_grad for weight in loss.parts[0].translator.parameters())


def test_the_student_does_not_change_it(tmp_path: Path) -> None:
    runner = run(tmp_path, MODEL, custom_hooks=[hook(epochs=1)])
    loss = runner.model.terms["ft"].loss
    before = [weight.clone() for weight in loss.paraphrasers()]
    learner = ParaphraserHook(epochs=1)
    assert runner.iter == 4
    learner.before_train(runner)  # as in a resumed run
    for weight, old in zip(loss.paraphrasers(), before, strict=True):
        assert torch.equal(weight, old)
        assert weight.grad is None


def test_other_losses_need_no_paraphraser() -> None:
    plain = SimpleNamespace(iter=0, model=torch.nn.Linear(2, 2))
    ParaphraserHook().before_train(plain)
    with pytest.raises(ValueError, match="at least 1 epoch"):
        ParaphraserHook(epochs=0)


def test_without_the_hook_the_run_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a paraphraser that was trained before"):
        run(tmp_path, MODEL)
