"""Modules that several parts of an objective use."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from mmkd.contracts import traits_of
from mmkd.registry import MODELS

Config = dict[str, Any]
# Arguments of a logit loss that are a module, or a list of modules.
ONE = ("temperature", "target")
SEVERAL = ("transforms", "student_transforms", "teacher_transforms")


class Shared(nn.Module):
    """A reference to a module that is registered elsewhere, once.

    The parameters of the module are therefore in the checkpoint and in the optimizer only once,
    however many parts use it.

    Args:
        module: The module.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        # in a tuple, because nn.Module would register a plain attribute here too
        self._module = (module,)
        traits = traits_of(module)
        self.needs_target, self.needs_labels = traits.needs_target, traits.needs_labels
        self.per_sample = traits.per_sample

    def forward(self, *arguments: Any) -> Any:
        """Return the output of the module."""
        return self._module[0](*arguments)


def build_shared(
    modules: Mapping[str, Config], terms: Mapping[str, Config], transforms: Sequence[Any]
) -> nn.ModuleDict:
    """Build the shared modules that the objective uses.

    Args:
        modules: Configs of the modules, by name.
        terms: Configs of the terms. Modules that only terms of weight 0 use are left out with them.
        transforms: Transforms of the logits that the student's task losses read, configs or names.

    Raises:
        ValueError: If there is no module of a name, or nothing uses a module.
    """
    named = {f"The term {name!r}": _names(c.get("loss", {})) for name, c in terms.items()}
    named["student_loss_transforms"] = {part for part in transforms if isinstance(part, str)}
    for user, wanted in named.items():
        if unknown := wanted - set(modules):
            raise ValueError(
                f"{user} names the shared module {min(unknown)!r}, but there are "
                f"{', '.join(modules) or 'none'}. Define it: "
                f"model.shared=dict({min(unknown)}=dict(type=...))."
            )
    if unused := set(modules).difference(*named.values()):
        raise ValueError(
            f"Nothing uses the shared modules {', '.join(sorted(unused))}. Name them where a loss "
            "takes such a module, as in student_transforms=['<name>'], or remove them."
        )
    for name, config in terms.items():
        if config.get("weight", 1.0) == 0:
            del named[f"The term {name!r}"]
    used = set[str]().union(*named.values())
    return nn.ModuleDict({n: MODELS.build(config) for n, config in modules.items() if n in used})


def refer(part: Any, shared: nn.ModuleDict) -> Any:
    """Return a reference in place of the name of a shared module, and anything else as it is."""
    return Shared(shared[part]) if isinstance(part, str) else part


def with_references(loss: Config | nn.Module, shared: nn.ModuleDict) -> Config | nn.Module:
    """Return a loss's config with references in place of the names of shared modules."""
    if isinstance(loss, nn.Module):
        return loss
    found = dict(loss)
    for key in ONE:
        if key in loss:
            found[key] = refer(loss[key], shared)
    for key in SEVERAL:
        if isinstance(loss.get(key), list | tuple):
            found[key] = [refer(part, shared) for part in loss[key]]
    return found


def _names(loss: Any) -> set[str]:
    """Return the names of shared modules in a loss's config."""
    if not isinstance(loss, Mapping):
        return set()
    parts = [loss.get(key) for key in ONE]
    for key in SEVERAL:
        listed = loss.get(key, ())
        if isinstance(listed, str):
            raise ValueError(f"{key} of a loss is a list: write {key}=[{listed!r}].")
        parts += listed if isinstance(listed, list | tuple) else ()
    return {part for part in parts if isinstance(part, str)}
