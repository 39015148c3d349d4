"""Teachers that are programs: TorchScript files and programs of torch.export."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor, nn

TORCHSCRIPT, EXPORTED = "TorchScript program", "exported program"
DYNAMIC = "torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim('n')},))"


def program_kind(path: str | Path) -> str | None:
    """Return which kind of program a file contains, or ``None`` for any other file."""
    try:
        with ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (BadZipFile, OSError):
        return None
    if "archive_format" in names:
        return EXPORTED
    return TORCHSCRIPT if any(name.startswith("code/") for name in names) else None


class _Call(nn.Module):
    """Module that runs a program, in which no hooks can be set.

    The program is no submodule: it has neither modes nor modules that can be hooked. The hash of
    its file represents its weights when a run is compared with an earlier one.

    Args:
        program: The program.
        path: Its file, if it was read from one.
    """

    digest: Tensor

    def __init__(self, program: Any, path: str | Path | None = None) -> None:
        super().__init__()
        self._program = (program,)
        digest = b"" if path is None else hashlib.sha256(Path(path).read_bytes()).digest()
        self.register_buffer("digest", torch.tensor([*digest], dtype=torch.uint8))

    @property
    def program(self) -> Any:
        """The program as it is called."""
        return self._program[0]

    def forward(self, images: Tensor) -> Tensor:
        """Return the program's output, or the first tensor in it, for images (N, C, H, W)."""
        return _first_tensor(self.program(images))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "_Call":
        """Move or cast the program too."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._move(fn)
        return self

    def _move(self, fn: Callable[[Tensor], Tensor]) -> None:
        self.program._apply(fn)


class _ExportedCall(_Call):
    """Module that runs an exported program, whose graph names the device and type of its tensors.

    Args:
        exported: The exported program.
        path: Its file.
    """

    def __init__(self, exported: torch.export.ExportedProgram, path: str | Path) -> None:
        super().__init__(exported.module(), path)
        self._exported = (exported,)

    def _move(self, fn: Callable[[Tensor], Tensor]) -> None:
        from torch.export.passes import move_to_device_pass

        weight = next(iter(self.program.parameters()), self.digest)
        after = fn(weight.detach())
        if after.dtype != weight.dtype:
            raise ValueError(
                f"An exported program runs in the type it was exported in, {weight.dtype}: leave "
                "`dtype` out."
            )
        if after.device != weight.device:
            moved = move_to_device_pass(self._exported[0], after.device)
            self._exported, self._program = (moved,), (moved.module(),)


class Program(nn.Module):
    """Network of which only the output can be read.

    Args:
        call: The module that runs the program.
        kind: Kind of program, for errors.

    Attributes:
        sealed: Reason why no tensor inside has an address, for errors.
    """

    def __init__(self, call: _Call, kind: str) -> None:
        super().__init__()
        self.program = call
        self.sealed = (
            f"it is a {kind}, whose inside cannot be tapped: only its output, '@logits', can be "
            "read. Name the network itself as the teacher, with its weights, for its features"
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the program's output for images (N, C, H, W)."""
        output: Tensor = self.program(images)
        return output


def sealed_if_program(network: nn.Module) -> nn.Module:
    """Return a module that is a program as a :class:`Program`, and any other as it is.

    Programs do not support what a teacher does with its network: TorchScript refuses
    ``requires_grad_`` and hooks, and modules of ``torch.export`` refuse ``eval``.
    """
    if isinstance(network, torch.jit.ScriptModule):
        return Program(_Call(_frozen(network)), TORCHSCRIPT)
    try:
        network.eval()
    except NotImplementedError:
        return Program(_Call(network), EXPORTED)
    return network


def _frozen(script: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    for parameter in script.parameters():
        parameter.requires_grad_(False)
    script.eval()
    return script


def open_program(path: str | Path, trust: bool) -> tuple[Program, tuple[int, int] | None]:
    """Load a TorchScript file or an exported program.

    Returns:
        The network, and the height and width of its images, or ``None`` if none are fixed.

    Raises:
        ValueError: If the user does not trust the file, because a program is code; or if the
            program takes batches of one size only.
    """
    kind = program_kind(path)
    if not trust:
        raise ValueError(
            f"Refused to load {path}: a {kind or 'file of this kind'} is code, which runs as the "
            "teacher and may read and write files. If you trust its author, say "
            "trust_checkpoint=True of the teacher, or --trust-checkpoint to a tool."
        )
    if kind == TORCHSCRIPT:
        script = _frozen(torch.jit.load(str(path), map_location="cpu"))
        return Program(_Call(script, path), kind), None
    exported = torch.export.load(str(path))
    return Program(_ExportedCall(exported, path), EXPORTED), _fixed_size(exported, path)


def _fixed_size(exported: torch.export.ExportedProgram, path: str | Path) -> tuple[int, int] | None:
    """Return the height and width that an exported program demands."""
    (name, *_) = exported.graph_signature.user_inputs
    node = next(node for node in exported.graph.nodes if node.name == name)
    count, *_, height, width = node.meta["val"].shape
    if isinstance(count, int):
        raise ValueError(
            f"{path} takes batches of {count} alone. Export it for batches of any size: {DYNAMIC}."
        )
    both = isinstance(height, int) and isinstance(width, int)
    return (height, width) if both else None


def _first_tensor(output: Any) -> Tensor:
    """Return the first tensor in nested outputs.

    Raises:
        ValueError: If there is none.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        output = [output["logits"]] if "logits" in output else [*output.values()]
    if isinstance(output, list | tuple) and output:
        return _first_tensor(output[0])
    raise ValueError("The program gives no tensor.")
