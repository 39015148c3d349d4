"""Addresses of tensors inside a network, and their capture while it runs."""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

SYNTAX = "'module.path', 'module.path:input', 'module.path[index]' or 'module.path:input[index]'"
PATTERN = re.compile(r"(?P<path>[\w.]+)(?P<input>:input)?(\[(?P<index>-?\d+)\])?")


@dataclass(frozen=True)
class Tap:
    """The address of a tensor: a module's output, or its input, or one item of either.

    Attributes:
        path: Dotted path of the module, such as ``'head.fc'``.
        input: Whether the module's positional inputs are meant and not its output.
        index: Which item, where there are several.
    """

    path: str
    input: bool = False
    index: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Tap":
        """Read a tap from its notation, such as ``'head.fc'`` or ``'backbone[-1]'``."""
        match = PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no tap. Write {SYNTAX}.")
        index = match["index"]
        return cls(match["path"], bool(match["input"]), None if index is None else int(index))

    def __str__(self) -> str:
        item = "" if self.index is None else f"[{self.index}]"
        return f"{self.path}{':input' if self.input else ''}{item}"

    def check(self, network: nn.Module) -> None:
        """Raise ``ValueError`` if ``network`` has no such module, listing paths that come near."""
        try:
            network.get_submodule(self.path)
        except AttributeError:
            paths = [path for path, _ in network.named_modules() if path]
            near = difflib.get_close_matches(self.path, paths, n=5, cutoff=0.4)
            raise ValueError(
                f"{type(network).__name__} has no module {self.path!r} to tap. Near matches: "
                f"{', '.join(near) or 'none'}. Its parts: "
                f"{', '.join(path for path in paths if '.' not in path)}."
            ) from None

    def pick(self, value: Any) -> Tensor:
        """Return the tensor meant, from what the module took or gave."""
        while isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        count = len(value) if isinstance(value, list | tuple) else 1
        if self.index is None and count > 1:
            raise ValueError(
                f"{self} is a tuple of {count}: say which item is meant, such as '{self}[-1]'."
            )
        if not -count <= (self.index or 0) < count:
            raise ValueError(f"{self} names an item of {count}: it has no such item.")
        if isinstance(value, list | tuple):
            value = value[self.index or 0]
        if not isinstance(value, Tensor):
            raise ValueError(f"{self} is a {type(value).__name__}, not a tensor.")
        return value


class AllCaught(Exception):  # noqa: N818 - no error, the end of a forward that went far enough
    """Ends a network's forward when every tap has its tensor."""


def run_tapped(
    network: nn.Module, taps: Iterable[Tap], forward: Callable[[], Any], stop: bool = False
) -> tuple[Any, dict[Tap, Tensor]]:
    """Run a network and catch the tensors of its taps.

    No hook outlives the forward, so that networks can be copied and saved.

    Args:
        network: The network.
        taps: What to catch.
        forward: Runs it, or a part of it.
        stop: Whether to end the forward at the deepest tap.

    Returns:
        What the forward returned (``None`` where it was stopped), and the tensor of each tap.

    Raises:
        RuntimeError: If a tapped module runs not at all or more than once, or a tensor is changed
            in place after it was caught.
    """
    taps, caught, handles = list(taps), dict[Tap, tuple[Tensor, int]](), []

    def catch(tap: Tap, module: nn.Module, given: Any, output: Any = None) -> None:
        if tap in caught:
            raise RuntimeError(
                f"The module {tap.path!r} runs more than once in a forward, so that the tap "
                f"'{tap}' is ambiguous. Tap a module that runs once, around or inside it."
            )
        value = given if tap.input else output
        tensor = value if isinstance(value, Tensor) and not tap.index else tap.pick(value)
        caught[tap] = tensor, tensor._version
        if stop and len(caught) == len(taps):
            raise AllCaught

    output = None
    try:
        for tap in taps:
            module = network.get_submodule(tap.path)
            hook = module.register_forward_pre_hook if tap.input else module.register_forward_hook
            handles.append(hook(partial(catch, tap)))
        output = forward()
    except AllCaught:
        pass
    finally:
        for handle in handles:
            handle.remove()
    tensors = {}
    for tap in taps:
        if tap not in caught:
            raise RuntimeError(
                f"The module {tap.path!r} did not run in this forward, so that the tap '{tap}' has "
                "no tensor. Tap a module that takes part in it."
            )
        tensors[tap], version = caught[tap]
        if tensors[tap]._version != version:
            raise RuntimeError(
                f"The tensor of the tap '{tap}' was changed in place after it was caught, by an "
                "in-place activation as a rule. Tap that activation itself, or set inplace=False."
            )
    return output, tensors
