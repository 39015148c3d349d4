"""Text about a run: its networks, objective and data at the start, and its results at the end."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor, nn

from mmkd.compat.running import run_of
from mmkd.distillers import BaseDistiller, Distiller
from mmkd.hooks.model import distillers_of, model_of
from mmkd.hooks.student_checkpoint_hook import SUFFIX
from mmkd.networks.complexity import multiply_adds, parameter_count, short
from mmkd.networks.sizes import example_inputs
from mmkd.networks.taps import Taps, flat
from mmkd.terms.term import Term

Line = tuple[str, str]


def beginning(runner: Runner) -> list[Line]:
    """Return the lines of the summary before training: a title and a text each."""
    members, model = distillers_of(runner), model_of(runner)
    networks = {name: distiller.student for name, distiller in members.items()} or {"": model}
    with run_of(runner.cfg):
        example = next(example_inputs(next(iter(networks.values())), {}))[:1]
    lines = []
    for name, network in networks.items():
        title = "student" if members else "model"
        lines.append((f"{title} {name}".rstrip(), _network(network, example)))
    if members:
        lines += _teachers(next(iter(members.values())), example)
    for name, distiller in members.items():
        lines += [(f"objective {name}".rstrip(), line) for line in _objective(distiller)]
    extra = parameter_count(model, trained=True)
    extra -= sum(parameter_count(network, trained=True) for network in networks.values())
    if extra:
        lines.append(("trained too", f"{short(extra)} parameters of connectors and terms"))
    lines.append(("data", _data(runner.train_dataloader)))
    if runner.val_loop is not None:
        lines.append(("validation", _data(runner.val_loop.dataloader)))
    return [*lines, ("length", _length(runner)), ("folder", str(runner.work_dir))]


def ending(runner: Runner, started: float) -> list[Line]:
    """Return the lines of the summary after training: a title and a text each.

    Args:
        runner: The runner.
        started: Time at which training began, in seconds since the epoch.
    """
    took = duration(time.time() - started)
    lines = [("done", f"{runner.epoch} epochs, {runner.iter} iterations, in {took}")]
    scalars = runner.message_hub.log_scalars
    found = [f"{key[4:]} {scalars[key].current():.4g}" for key in scalars if key[:4] == "val/"]
    results = [text for text in found if not text.startswith(("time", "data_time"))]
    if results:
        lines.append(("last result", ", ".join(results)))
    files = [*_files(runner)]
    lines += [("file", str(path)) for path in files]
    lines.append(("log", str(runner.log_dir)))
    config = Path(runner.work_dir, Path(runner.cfg.filename or "").name)
    if files and config.is_file():
        lines.append(("next", f"python tools/test.py {config} {files[-1]}"))
    return lines


def remaining(runner: Runner, seconds: float) -> str:
    """Return a sentence on the remaining time of a run that takes ``seconds`` per iteration."""
    left = seconds * (runner.max_iters - runner.iter - 1)
    end = time.strftime("%a %H:%M", time.localtime(time.time() + left))
    return (
        f"{seconds:.3g} s an iteration: the run takes about {duration(left)} more, until {end}, "
        "and the time of its validations."
    )


def duration(seconds: float) -> str:
    """Return a time in words, such as ``2 h 05 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def block(title: str, lines: list[Line]) -> str:
    """Return lines as one block, with their titles in a column."""
    width = max(len(name) for name, _ in lines)
    return "\n".join([title, *(f"  {name:{width}}  {text}" for name, text in lines)])


def _network(network: nn.Module, example: Tensor) -> str:
    text = f"{type(network).__name__}, {short(parameter_count(network))} parameters"
    trained = parameter_count(network, trained=True)
    if 0 < trained < parameter_count(network):
        text += f" ({short(trained)} trained)"
    count = multiply_adds(network, example)
    size = "x".join(map(str, example.shape[1:]))
    return text if count is None else f"{text}, {short(count)} multiply-adds on {size}"


def _teachers(distiller: BaseDistiller, example: Tensor) -> Iterator[Line]:
    store = distiller.store
    if store is not None:
        adds = ", to which the teachers add what is missing" if store.grow else ""
        yield "teacher", f"logits from the store {store.path}{adds}"
        if not store.grow:
            return
    for name, teacher in distiller.teachers.items():
        text = _network(teacher.network, teacher.prepare(example))
        yield "teacher", f"{name}: {text}"


def _objective(distiller: BaseDistiller) -> Iterator[str]:
    weight = distiller.student_loss_weight if isinstance(distiller, Distiller) else 1.0
    yield f"{weight:g} x the student's own losses"
    for name, term in distiller.terms.items():
        parts = [term.loss, term.sample_weight, term.teacher_weight]
        kinds = ", ".join(type(part).__name__ for part in parts if part is not None)
        yield f"{term.weight:g} x loss_{name}: {kinds}; {_compared(term)}{_when(term)}"


def _compared(term: Term) -> str:
    theirs = {_taps(taps): None for taps in term.teacher_taps.values()}
    return f"{_taps(term.student_taps)} beside {' and '.join(theirs) or 'itself'}"


def _taps(taps: Taps) -> str:
    return ", ".join(map(str, flat(taps)))


def _when(term: Term) -> str:
    return "" if term.schedule is None else f"; by {term.schedule}"


def _data(loader: Any) -> str:
    dataset, size = loader.dataset, getattr(loader, "batch_size", None)
    if size is None:  # a batch sampler may have it, such as mmdet's for aspect ratios
        size = getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
    text = f"{type(dataset).__name__}, {len(dataset):,} samples"
    return text if size is None else f"{text}, {size} a batch and process"


def _length(runner: Runner) -> str:
    text = f"{runner.max_iters} iterations"
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        text = f"{runner.max_epochs} epochs of {len(runner.train_dataloader)} iterations"
    return f"{text}, {runner.iter} iterations of it done before" if runner.iter else text


def _files(runner: Runner) -> Iterator[Path]:
    """Yield the last checkpoint of a run, and the students' files beside it."""
    for hook in runner.hooks:
        last = getattr(hook, "last_ckpt", None) if isinstance(hook, CheckpointHook) else None
        if last is not None and (path := Path(last)).is_file():
            own = path.with_name(path.stem + SUFFIX)
            members = sorted(path.parent.glob(f"{path.stem}_*{SUFFIX}"))
            yield from (path, *([own] if own.is_file() else []), *members)
