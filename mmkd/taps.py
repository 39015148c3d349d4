"""Addresses of tensors inside a network, and their capture while it runs."""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

    def module(self, network: nn.Module) -> nn.Module:
        """Return the module of ``network`` that the tap names.

        Raises:
            ValueError: If there is none; the message lists the paths that come near.
        """
        try:
            return network.get_submodule(self.path)
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


class AllCaptured(Exception):  # noqa: N818 - no error, the end of a forward that went far enough
    """Ends a network's forward when every tap has its tensor."""


class Capture:
    """The tensors that taps caught in one forward. Each is released by its last reader.

    Args:
        taps: The taps of all readers, one entry for each time that a tap will be read.
    """

    def __init__(self, taps: Iterable[Tap]) -> None:
        self._readers = Counter(taps)
        self._caught: dict[Tap, tuple[Tensor, int]] = {}

    @property
    def complete(self) -> bool:
        return len(self._caught) == len(self._readers)

    def __contains__(self, tap: Tap) -> bool:
        return tap in self._caught

    def hook(self, tap: Tap) -> Callable[[Any], None]:
        """Return the function that takes what the tapped module took or gave."""

        def catch(value: Any) -> None:
            if tap in self._caught:
                raise RuntimeError(
                    f"The module {tap.path!r} runs more than once in a forward, so that the tap "
                    f"'{tap}' is ambiguous. Tap a module that runs once, around or inside it."
                )
            tensor = tap.pick(value)
            self._caught[tap] = tensor, tensor._version

        return catch

    def read(self, tap: Tap) -> Tensor:
        """Return the tensor of a tap, and forget it if this was its last reader."""
        if tap not in self._caught:
            raise RuntimeError(
                f"The module {tap.path!r} did not run in this forward, so that the tap '{tap}' has "
                "no tensor. Tap a module that takes part in it."
            )
        tensor, version = self._caught[tap]
        if tensor._version != version:
            raise RuntimeError(
                f"The tensor of the tap '{tap}' was changed in place after it was caught, by an "
                "in-place activation as a rule. Tap that activation itself, or set inplace=False."
            )
        self._readers[tap] -= 1
        if self._readers[tap] <= 0:
            del self._caught[tap]
        return tensor


@contextmanager
def capture(network: nn.Module, taps: Iterable[Tap], stop: bool = False) -> Iterator[Capture]:
    """Catch the tensors of ``taps`` while ``network`` runs inside the context.

    No hook outlives the context, so that networks can be copied, compiled and saved.

    Args:
        network: The network that runs.
        taps: One entry for each time that a tap will be read.
        stop: Whether to end the network's forward at the deepest tap.
    """
    taps = list(taps)
    caught = Capture(taps)
    handles = []

    def attach(tap: Tap) -> None:
        catch = caught.hook(tap)

        def take(value: Any) -> None:
            catch(value)
            if stop and caught.complete:
                raise AllCaptured

        module = tap.module(network)
        if tap.input:
            handles.append(module.register_forward_pre_hook(lambda _, args: take(args)))
        else:
            handles.append(module.register_forward_hook(lambda _, args, output: take(output)))

    try:
        for tap in dict.fromkeys(taps):
            attach(tap)
        yield caught
    except AllCaptured:
        pass
    finally:
        for handle in handles:
            handle.remove()
