"""Functions that older releases of torch lack, taken away from the torch of the tests."""

import importlib
from collections.abc import Iterator

import pytest
import torch

from mmkd.compat import older_torch


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    importlib.reload(older_torch)


def test_compiling_is_asked_of_dynamo_where_the_compiler_does_not_say(
    reloaded: pytest.MonkeyPatch,
) -> None:
    assert older_torch.is_compiling is torch.compiler.is_compiling
    reloaded.delattr(torch.compiler, "is_compiling")
    importlib.reload(older_torch)
    assert older_torch.is_compiling is torch._dynamo.is_compiling


@pytest.mark.parametrize("known", [(), ("_is_amx_tile_supported",)])
def test_a_processor_that_torch_cannot_ask_has_no_bfloat16(
    known: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name)
    for name in known:
        monkeypatch.setattr(torch.cpu, name, lambda: True, raising=False)
    assert older_torch.cpu_has_bfloat16() is bool(known)


@pytest.mark.parametrize("supported", [lambda: True, lambda including_emulation=True: True])
def test_a_gpu_is_asked_as_its_torch_can_be(
    supported: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert older_torch.gpu_has_bfloat16()
