"""Construction of a teacher's network from any source."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import nn

from mmkd.networks.building import Spec, build_network, network_config
from mmkd.teachers.libraries import FORMS, Request, of_library, open_library
from mmkd.teachers.opened import Opened
from mmkd.teachers.programs import open_program, program_kind, sealed_if_program


def open_network(
    spec: Spec, pretrained: bool | None, arguments: Mapping[str, Any], trust: bool
) -> Opened:
    """Build a network from a config, take a module, or open one of another library or a program.

    Args:
        spec: The description of the network, see :class:`mmkd.teachers.Teacher`.
        pretrained: Whether to load weights of another library, see
            :class:`mmkd.teachers.libraries.Request`.
        arguments: Further arguments for another library.
        trust: Whether code of repositories and programs may run.

    Raises:
        ValueError: If the network cannot be built, or these settings do not apply to it.
    """
    if isinstance(spec, str) and of_library(spec):
        library, _, name = spec.partition(":")
        return open_library(Request(library, name, pretrained, arguments, trust))
    if pretrained or arguments:
        raise ValueError(
            "pretrained and arguments of a teacher are for networks of other libraries "
            f"({FORMS}). Other teachers have a checkpoint."
        )
    if isinstance(spec, nn.Module):
        network = sealed_if_program(spec)
        return Opened(network, has_weights=True)
    if not is_config(spec):
        program, size = open_program(str(spec), trust)
        return Opened(program, has_weights=True, size=size)
    config = network_config(spec)
    return Opened(
        build_network(config),
        described_by=spec,
        preprocesses="data_preprocessor" in config,
    )


def is_config(spec: Any) -> bool:
    """Return whether a network's description is a config, or the path or name of one."""
    if isinstance(spec, Mapping):
        return True
    if not isinstance(spec, str) or of_library(spec):
        return False
    return "::" in spec or Path(spec).suffix == ".py" or program_kind(spec) is None


def initialise(network: nn.Module) -> None:
    """Initialise a network without weights, and warn that it is not trained."""
    if isinstance(network, BaseModule):
        print_log(
            "A teacher has no checkpoint: its weights are those of its init_cfg.", "current", 30
        )
        network.init_weights()
    else:
        print_log(
            "A teacher has random weights. Say pretrained=True for those of its library, or name "
            "a file as its checkpoint.",
            "current",
            30,
        )
