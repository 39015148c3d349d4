"""Addresses of tensors inside a network, and their capture while it runs."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from mmkd.compat.older_torch import is_compiling
from mmkd.typed import itself_uncompiled

SYNTAX = (
    "'module.path', with ':input' for what the module takes, '[index]' for an item, '[:]' for all "
    "items, '{0}' for one of the tokens (N, L, C) and '{1:}' for those from one on, and '*' behind "
    "the path for all runs of a module that runs several times, '*0' for its first; or a role, "
    "such as '@logits', '@stages' or '@stages[-1]'"
)
PATTERN = re.compile(
    r"(?P<path>@\w+|[\w.]+(?P<every>\*(?P<run>\d+)?)?(?P<input>:input)?)(?P<items>(\[(-?\d+|:)\])*)"
    r"(\{(?P<tokens>\d+:?)\})?"
)
# Compiled code must notice that other modules are tapped than before, as when a term begins to act.
torch._dynamo.config.skip_nnmodule_hook_guards = False
KEPT = -1  # in place of the version of a tensor that nothing changes
Item = int | None
See = Callable[..., None]


class Handle(Protocol):
    """Handle that removes a hook."""

    def remove(self) -> None: ...


@dataclass(frozen=True)
class Tap:
    """Address of a tensor: a module's output, or its input, or an item of either.

    Attributes:
        path: Dotted path of the module, such as ``'head.fc'``; or ``'@'`` and a role, such as
            ``'@logits'``: such a tap stands for the taps of that role, see
            :class:`mmkd.networks.roles.Roles`.
        input: Whether the tap means the module's positional inputs and not its output.
        items: Index of the item, and of the item in it, if there are several. ``None`` stands for
            all: such a tap stands for several taps, see :func:`expand`.
        every: Whether the module runs several times in a forward, and the tap means the tensors of
            all runs, concatenated along their first dimension.
        run: Which of the runs is meant, from 0, if the module runs several times and ``every`` is
            not meant: a head's module runs once for each level.
        tokens: Which of the tokens (N, L, C) are meant: ``'0'`` for the first, as (N, C), ``'5:'``
            for those from the sixth on; empty for all of them, or another tensor. The positions of
            a map whose channels are last, (N, H, W, C), are its tokens.
        optional: Whether the module may not run at all, so that there is no tensor.
    """

    path: str
    input: bool = False
    items: tuple[Item, ...] = ()
    every: bool = False
    run: int | None = None
    tokens: str = ""
    optional: bool = field(default=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "Tap":
        """Read a tap from its notation, such as ``'head.fc'`` or ``'backbone[-1]'``."""
        match = PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no tap. Write {SYNTAX}.")
        items = re.findall(r"\[(-?\d+|:)\]", match["items"])
        numbers = tuple(None if item == ":" else int(item) for item in items)
        path = match["path"].removesuffix(":input").removesuffix(match["every"] or "")
        run = None if match["run"] is None else int(match["run"])
        every = match["every"] == "*"
        return cls(path, bool(match["input"]), numbers, every, run, match["tokens"] or "")

    @property
    def role(self) -> str | None:
        """The role that the tap names in place of a module, without the ``'@'``."""
        return self.path[1:] if self.path.startswith("@") else None

    def __str__(self) -> str:
        items = "".join(f"[{':' if item is None else item}]" for item in self.items)
        runs = f"*{'' if self.run is None else self.run}" if self.runs_again else ""
        tokens = f"{{{self.tokens}}}" if self.tokens else ""
        return f"{self.path}{runs}{':input' if self.input else ''}{items}{tokens}"

    @property
    def runs_again(self) -> bool:
        """Whether the tap allows that its module runs several times in a forward."""
        return self.every or self.run is not None

    def check(self, network: nn.Module) -> None:
        """Raise ``ValueError`` if ``network`` has no such module, with a list of similar paths."""
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

    def hook(self, network: nn.Module, see: See) -> Handle:
        """Call ``see`` with the tap's module and its input, or its input and its output.

        Returns:
            A handle whose ``remove()`` ends this.
        """
        module = network.get_submodule(self.path)
        register = module.register_forward_pre_hook if self.input else module.register_forward_hook
        return register(see)

    def pick(self, value: Any) -> Tensor:
        """Return the tensor of the tap, from the module's input or output."""
        for item in self.items:
            value = _item(self, value, item or 0)
        while isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        if isinstance(value, list | tuple):
            raise ValueError(
                f"{self} is a tuple of {len(value)}: say which item is meant, such as "
                f"'{self}[-1]', or '{self}[:]' for all."
            )
        if not isinstance(value, Tensor):
            raise ValueError(f"{self} is a {type(value).__name__}, not a tensor.")
        return self.chosen(value)

    def chosen(self, value: Tensor) -> Tensor:
        """Return the tokens that the tap means, if it does not mean all."""
        if not self.tokens:
            return value
        first = int(self.tokens.rstrip(":"))
        value = value.flatten(1, 2) if value.dim() == 4 else value
        if value.dim() != 3 or first >= value.shape[1]:
            raise ValueError(f"{self} has shape {tuple(value.shape)}: there are no such tokens.")
        return value[:, first:] if self.tokens.endswith(":") else value[:, first]

    def join(self, runs: Sequence[Tensor]) -> Tensor:
        """Return the tensor of the tap, from the tensors of all runs of the module.

        Raises:
            TapError: If the module ran less often than the tap supposes.
        """
        if self.run is not None and self.run >= len(runs):
            raise TapError(f"'{self}' has no tensor: its module ran {len(runs)} times.")
        return torch.cat([*runs]) if self.every else runs[self.run or 0]

    def closed(self, value: Any) -> "list[Tap]":
        """Return the taps that this one stands for, one for each item if it means all."""
        if None not in self.items:
            return [self]
        first, part = self.items.index(None), value
        for item in self.items[:first]:
            part = _item(self, part, item or 0)
        part = _alone(part)
        taps = []
        for number in range(len(part) if isinstance(part, list | tuple) else 1):
            items = (*self.items[:first], number, *self.items[first + 1 :])
            taps += replace(self, items=items).closed(value)
        return taps


def _alone(value: Any) -> Any:
    """Return a value without the tuples or lists of which it is the only item."""
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return value


def _item(tap: Tap, value: Any, item: int) -> Any:
    """Return an item of a module's input or output; a value that is alone is its only item."""
    value = _alone(value)
    count = len(value) if isinstance(value, list | tuple) else 1
    if not -count <= item < count:
        raise ValueError(f"{tap} names item {item} of {count}: it has no such item.")
    return value[item] if isinstance(value, list | tuple) else value


Taps = Tap | list[Tap]


def parse_taps(text: str | Sequence[str]) -> Taps:
    """Read one tap, or a list of them for losses over several layers."""
    return Tap.parse(text) if isinstance(text, str) else [Tap.parse(item) for item in text]


def expanded(taps: Taps, short: Mapping[Tap, Taps]) -> Taps:
    """Return taps in which each role or ``[:]`` is replaced by the taps that it stands for."""
    if isinstance(taps, Tap):
        return short.get(taps, taps)
    return [one for tap in taps for one in flat(short.get(tap, tap))]


def flat(taps: Taps) -> list[Tap]:
    """Return the taps of one side as a list."""
    return [taps] if isinstance(taps, Tap) else taps


class TapError(RuntimeError):
    """Error for a tap without a tensor in a forward, or with one that cannot be used."""


class AllCaught(Exception):  # noqa: N818 - no error, the end of a forward that went far enough
    """Signal that ends a network's forward when every tap has its tensor."""


class _Catch:
    """Hooks of a network's taps, with the tensors that they caught in the present forward.

    They are registered for the time of a forward, so that networks can be copied and saved; but
    they are the same objects in each forward. Code that ``torch.compile`` made of the network while
    they were registered therefore catches the tensors of later forwards, too.
    """

    def __init__(self, taps: Sequence[Tap]) -> None:
        self.taps = taps
        self.hooks = [partial(self._see, number) for number in range(len(taps))]
        self.stop = self.with_gradients = False
        self.caught: list[list[tuple[Tensor, int]]] = []  # of each tap, with their versions

    def _see(self, number: int, module: nn.Module, given: Any, output: Any = None) -> None:
        if self.with_gradients and not torch.is_grad_enabled():
            return
        tap, runs = self.taps[number], self.caught[number]
        if runs and not tap.runs_again:
            raise TapError(
                f"The module {tap.path!r} runs more than once in a forward, so that the tap "
                f"'{tap}' is ambiguous. Tap a module that runs once, around or inside it, or all "
                f"of its runs by '{replace(tap, every=True)}', or one by '{replace(tap, run=0)}'."
            )
        value = given if tap.input else output
        whole = isinstance(value, Tensor) and not tap.items and not tap.tokens
        tensor = value if whole else tap.pick(value)
        # Compiled code keeps no versions. The same taps ran uncompiled when the model was built.
        runs.append((tensor, KEPT if is_compiling() else tensor._version))
        if self.stop and all(self.caught):
            raise AllCaught


# The keys are weak, so that networks that are no longer used are freed.
_CATCHES: MutableMapping[nn.Module, dict[tuple[Tap, ...], _Catch]] = WeakKeyDictionary()


@itself_uncompiled
def run_tapped(
    network: nn.Module, taps: Iterable[Tap], forward: Callable[[], Any], stop: bool = False
) -> tuple[Any, dict[Tap, Tensor]]:
    """Run a network and catch the tensors of its taps.

    No hook outlives the forward, so that networks can be copied and saved. In a forward with
    gradients the taps ignore runs without gradients, such as those by which a sampler of RoIs ranks
    them.

    Args:
        network: The network.
        taps: Taps to catch.
        forward: Function that runs the network or a part of it. Parts may be compiled.
        stop: Whether to end the forward at the deepest tap, which compiled code does not allow.

    Returns:
        The result of the forward (``None`` if it was stopped), and the tensor of each tap; of an
        optional tap only if its module ran.

    Raises:
        TapError: If a tapped module does not run, or runs more than once and the tap does not mean
            every run, or if a tensor is changed in place after it was caught.
    """
    known, key = _CATCHES.setdefault(network, {}), (*taps,)
    catch = known[key] if key in known else known.setdefault(key, _Catch(key))
    catch.caught = [[] for _ in key]
    catch.stop = stop and not any(tap.every or tap.run is not None for tap in key)
    catch.with_gradients = torch.is_grad_enabled()
    caught, output, handles = catch.caught, None, list[Handle]()
    try:
        for tap, hook in zip(key, catch.hooks, strict=True):
            handles.append(tap.hook(network, hook))
        output = forward()
    except AllCaught:
        pass
    finally:
        for handle in handles:
            handle.remove()
        catch.caught = []
    tensors = {}
    for tap, runs in zip(key, caught, strict=True):
        if len(runs) == 1 and not tap.run and runs[0][1] in (KEPT, runs[0][0]._version):
            tensors[tap] = runs[0][0]
        elif runs or not tap.optional:
            tensors[tap] = _joined(tap, runs)
    return output, tensors


def _joined(tap: Tap, runs: Sequence[tuple[Tensor, int]]) -> Tensor:
    """Return the tensor of a tap from those of all runs of its module, with their versions."""
    if not runs:
        raise TapError(
            f"The module {tap.path!r} did not run in this forward, or without gradients, so that "
            f"the tap '{tap}' has no tensor. Tap a module that takes part in it."
        )
    if any(version not in (KEPT, tensor._version) for tensor, version in runs):
        raise TapError(
            f"The tensor of the tap '{tap}' was changed in place after it was caught, by an "
            "in-place activation as a rule. Tap that activation itself, or set inplace=False."
        )
    return tap.join([tensor for tensor, _ in runs])


def expand(
    network: nn.Module, taps: Iterable[Tap], forward: Callable[[], Any]
) -> dict[Tap, list[Tap]]:
    """Find the taps that those with ``[:]`` stand for, by a forward in which their modules run."""
    found: dict[Tap, list[Tap]] = {}

    def look(tap: Tap, module: nn.Module, given: Any, output: Any = None) -> None:
        found[tap] = tap.closed(given if tap.input else output)

    handles = [tap.hook(network, partial(look, tap)) for tap in taps if None in tap.items]
    try:
        forward()
    finally:
        for handle in handles:
            handle.remove()
    return found
