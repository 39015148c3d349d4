"""tools/benchmarks/zoo.py."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mmengine.registry import init_default_scope
from tool_runs import ROOT, Tool


@pytest.fixture(scope="module")
def zoo() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools/benchmarks"))
    try:
        import zoo
    finally:
        sys.path.pop(0)
    return zoo


def test_the_page_counts_what_passed_and_quotes_what_did_not(zoo: ModuleType) -> None:
    words = "refused: The term 'map' " + "cannot be connected " * 8 + "<here> | there."
    passed = {"logits": "pass", "@map": "pass", "@stages": "pass"}
    cells = {
        "mmpretrain/one/student": {**passed, "@map": words},
        "mmpretrain/one/teacher": passed,
        "mmpretrain/two/student": passed,
    }
    page = zoo.page_of(cells, ["python zoo.py \\", "    --page page.md"])
    assert "```bash\npython zoo.py \\\n    --page page.md\n```" in page
    assert "| one | pass | refused [1] | pass | pass | pass | pass |" in page
    assert "| two | pass | pass | pass |  |  |  |" in page
    assert "| passed | **2 of 2** | **1 of 2** | **2 of 2** | **1 of 2** |" in page
    assert "1. refused: The term 'map' cannot be connected" in page
    assert "&lt;here> \\| there." in page
    assert max(len(line) for line in page.splitlines() if not line.startswith("|")) <= 100


@pytest.mark.slow
def test_a_failure_is_stock_if_the_package_alone_fails_too(
    zoo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(error: Exception) -> Callable[..., Any]:
        def function(*_: Any) -> Any:
            raise error

        return function

    init_default_scope("mmpretrain")
    case = "mmpretrain", "mmpretrain::resnet/resnet18_8xb16_cifar10.py", "student", ("logits",)
    expected = {
        RuntimeError("a"): "crash: building: RuntimeError: a",
        ValueError("b"): "refused: b",
    }
    for error, said in expected.items():
        monkeypatch.setattr(zoo, "distiller_of", fails(error))
        assert zoo.try_kinds(*case) == {"logits": said}
    monkeypatch.setattr(zoo, "build_network", fails(RuntimeError("c")))
    for error in expected:
        monkeypatch.setattr(zoo, "distiller_of", fails(error))
        assert zoo.try_kinds(*case)["logits"].startswith("stock")


@pytest.mark.slow
def test_families_are_those_of_classifiers_and_small(zoo: ModuleType) -> None:
    from zoo_configs import families, untrained

    chosen = families("mmpretrain")
    assert chosen["levit"] == "mmpretrain::levit/levit-128s_8xb256_in1k.py"
    assert chosen["vgg"] == "mmpretrain::vgg/vgg11_8xb32_in1k.py"
    assert not {"blip", "itpn", "dinov2"} & set(chosen)
    assert untrained(chosen["mae"])["backbone"] == dict(init_cfg=None)
    assert untrained(chosen["vgg"], classes_of=chosen["lenet"])["head"] == dict(num_classes=10)


@pytest.mark.slow
def test_a_family_is_trained_once_and_its_cells_are_kept(tool: Tool, tmp_path: Path) -> None:
    arguments = ["--family", "resnet", "--cells", "cells.json", "--page", "page.md"]
    tool("benchmarks/zoo.py", *arguments)
    cells = json.loads((tmp_path / "cells.json").read_text())
    assert all(
        value in ("pass", cell["config"]) for cell in cells.values() for value in cell.values()
    )
    assert "| resnet | pass" in (tmp_path / "page.md").read_text()
    again = tool("benchmarks/zoo.py", *arguments)
    assert "mmpretrain/resnet/student" not in again.stdout
