"""Registries of mmkd: children of MMEngine's root registries, scope ``mmkd``.

``type='mmkd.KDLoss'`` therefore resolves in any OpenMMLab repository once ``mmkd`` can be imported.
The modules of a registry are imported on its first use.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine import registry as mmengine_registries
from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import STRATEGIES as MMENGINE_STRATEGIES
from mmengine.registry import Registry, build_runner_from_cfg

from mmkd.arguments import check_arguments, did_you_mean

SCOPE = "mmkd"
# MMEngine's two error messages for a type that it does not find.
NOT_FOUND = re.compile(r"(?P<name>[\w.]+) is not in the (?:(?P<scope>\w+)::)?[\w ]+ registry")
NOT_GOT = re.compile(r"Failed to get (?P<name>[\w.]+)")


class UnknownPartError(KeyError):
    """Error for a config that names a type that does not exist."""

    def __str__(self) -> str:
        return str(self.args[0])


def unknown_type(error: Exception) -> UnknownPartError | None:
    """Return an error for a type that MMEngine did not find, which names the nearest existing type.

    Args:
        error: Any error that was raised while something was built.

    Returns:
        The error to raise in its place; ``None`` if ``error`` is not about an unknown type.
    """
    text = str(error)
    match = NOT_FOUND.search(text) or NOT_GOT.search(text)
    if match is None:
        return None
    name = match["name"]
    prefix, _, plain = name.rpartition(".")
    near = did_you_mean(plain, _types(prefix or match.groupdict().get("scope")), cutoff=0.75)
    return UnknownPartError(
        f"There is no type {name!r}.{near} For a type of your own, the config has to import its "
        "module: custom_imports=dict(imports=['my_package.my_module'])."
    )


def _types(scope: str | None) -> Iterator[str]:
    """Yield the types that configs of a scope can name; without a scope, those of all packages."""
    for root in vars(mmengine_registries).values():
        if isinstance(root, Registry):
            children = [child for key, child in root.children.items() if scope in (key, None)]
            for registry in (root, *children):
                yield from registry.module_dict


class PartRegistry(Registry):
    """Registry that reports misspelt types, and misspelt arguments of types.

    Args:
        name: Name of the kind of part, such as ``'hook'``.
        default: The type that MMEngine builds if a config names none. Without a default, a config
            has to name a type.
        settings: Other settings of MMEngine's ``Registry``.
    """

    def __init__(self, name: str, *, default: str | None = None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.default = default

    def get(self, key: str) -> Any:
        """Return the class that is registered under a name.

        Raises:
            UnknownPartError: If there is no such class. The message has the nearest existing name.
        """
        try:
            found = super().get(key)
        except RuntimeError:  # one family of packages raises, the other returns None
            found = None
        if found is None:
            name = key.removeprefix(f"{SCOPE}.")
            near = did_you_mean(name, self.module_dict)
            raise UnknownPartError(
                f"mmkd has no {self.name} {name!r}.{near} docs/methods.md lists all types."
            )
        return found

    def build(self, cfg: Any, *arguments: Any, **defaults: Any) -> Any:
        """Build a part from its config, after a check of its arguments.

        Raises:
            UnknownPartError: If there is no such type.
            ValueError: If an argument is unknown, missing, or of a type that the part does not
                take.
        """
        self.check(cfg, (arguments[0] if arguments else defaults.get("default_args")) or {})
        return super().build(cfg, *arguments, **defaults)

    def check(self, cfg: Any, default_args: Mapping[str, Any] | None = None) -> None:
        """Check the type and the arguments of a part; parts of other packages are not checked.

        Raises:
            UnknownPartError: If there is no such type.
            ValueError: If the config names no type and there is no default, or an argument is
                unknown, missing, or of a type that the part does not take.
        """
        if not isinstance(cfg, Mapping):
            return
        given = {**(default_args or {}), **cfg}
        kind = given.get("type", self.default)
        if kind is None:
            raise ValueError(
                f"{dict(cfg)} names no type: write type='mmkd.<name>'. docs/methods.md lists all "
                "types."
            )
        if not isinstance(kind, str):
            return
        scope, _, name = kind.rpartition(".")
        if scope != SCOPE:
            return
        part = self.get(name)
        given = {key: value for key, value in given.items() if key not in ("type", "_scope_")}
        check_arguments(part, given, kind)


MODELS = PartRegistry(
    "model",
    parent=MMENGINE_MODELS,
    scope=SCOPE,
    locations=[
        "mmkd.distillers",
        "mmkd.losses",
        "mmkd.weights",
        "mmkd.selection",
        "mmkd.logits",
        "mmkd.connectors",
        "mmkd.locations",
        "mmkd.models",
    ],
)
HOOKS = PartRegistry("hook", parent=MMENGINE_HOOKS, scope=SCOPE, locations=["mmkd.hooks"])
DATASETS = PartRegistry(
    "dataset", parent=MMENGINE_DATASETS, scope=SCOPE, locations=["mmkd.datasets"]
)
DATA_SAMPLERS = PartRegistry(
    "data sampler",
    parent=MMENGINE_DATA_SAMPLERS,
    scope=SCOPE,
    locations=["mmkd.store.entropy_sampler"],
)
DATALOADERS = PartRegistry(
    "loader",
    default="torch.utils.data.DataLoader",
    scope=SCOPE,
    locations=["mmkd.loading.device_loader"],
)
METRICS = PartRegistry(
    "metric", parent=MMENGINE_METRICS, scope=SCOPE, locations=["mmkd.evaluation"]
)
OPTIM_WRAPPERS = PartRegistry(
    "optim_wrapper",
    default="OptimWrapper",
    parent=MMENGINE_OPTIM_WRAPPERS,
    scope=SCOPE,
    locations=["mmkd.engine"],
)
OPTIM_WRAPPER_CONSTRUCTORS = PartRegistry(
    "optimizer wrapper constructor",
    parent=MMENGINE_CONSTRUCTORS,
    scope=SCOPE,
    locations=["mmkd.engine"],
)
LOOPS = PartRegistry("loop", parent=MMENGINE_LOOPS, scope=SCOPE, locations=["mmkd.engine"])
RUNNERS = PartRegistry(
    "runner",
    default="Runner",  # a config can name another runner as its `runner_type`
    build_func=build_runner_from_cfg,
    parent=MMENGINE_RUNNERS,
    scope=SCOPE,
    locations=["mmkd.engine"],
)
STRATEGIES = PartRegistry(
    "strategy", parent=MMENGINE_STRATEGIES, scope=SCOPE, locations=["mmkd.engine"]
)
