"""Identity of a run: its teachers, objective and data, as text and hashes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.runner import Runner

from mmkd.hooks.mean_teacher_hook import mean_teachers
from mmkd.hooks.model import distiller_of
from mmkd.store.identity import of_index

Identity = dict[str, str]
# Addresses of weights do not matter, because the weights themselves are compared.
LEFT_OUT = ("checkpoint", "trust_checkpoint", "init_cfg", "data_root", "_scope_")
LISTED = 8


def identity(runner: Runner) -> Identity:
    """Return the entries, by dotted names, that must not change before a run is resumed."""
    model = runner.cfg.get("model") or {}
    found = dict(_settings("model", model))
    distiller = distiller_of(runner)
    if distiller is not None:
        for name in sorted(set(distiller.teachers) - mean_teachers(runner)):
            found[f"weights of teacher {name}"] = distiller.teachers[name].weights_hash()
    loader = runner.cfg.get("train_dataloader") or {}
    found |= _settings("train_dataloader.dataset", loader.get("dataset") or {})
    if "type" in loader:
        found["train_dataloader.type"] = loader["type"]
    index = of_index(runner.train_dataloader.dataset, whole=True)
    found["index of the training data"] = f"sha256:{index}"
    return found


def differences(before: Identity, now: Identity) -> list[str]:
    """Return descriptions of the entries in which two identities differ."""
    lines = []
    for name in sorted({*before, *now}):
        old, new = (_short(one.get(name, "not there")) for one in (before, now))
        if before.get(name) != now.get(name):
            lines.append(f"{name} was {old}, is {new}")
    more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return [*lines[:LISTED], *more]


def _settings(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield all nested settings under their dotted names."""
    if isinstance(value, Mapping):
        for key in value:
            if key not in LEFT_OUT:
                yield from _settings(f"{name}.{key}", value[key])
    else:
        yield name, json.dumps(value, default=_by_name, sort_keys=True)


def _by_name(value: Any) -> str:
    """Return a name for a value that JSON cannot hold; it is the same in each process."""
    return getattr(value, "__qualname__", type(value).__qualname__)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
