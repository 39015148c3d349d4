"""Both cases of the torchvision remedy, each in a separate process."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATE = """
import torch
from mmkd.compat.torchvision import schemas_declared
print(schemas_declared(), hasattr(torch.ops.torchvision, "nms"))
"""


def run(code: str, first_on_path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(first_on_path), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def fake_torchvision(tmp_path: Path):
    """Makes a torchvision that imports its parts in the order of the real one."""

    def make(has_ops: bool, describes_nms: bool) -> Path:
        package = tmp_path / "torchvision"
        package.mkdir()
        (package / "__init__.py").write_text(
            "from . import extension\nfrom torchvision import _meta_registrations\n"
        )
        (package / "extension.py").write_text(f"def _has_ops():\n    return {has_ops}\n")
        describe = """
            import torch.library
            import torchvision.extension

            @torch.library.register_fake("torchvision::nms")
            def meta_nms(dets, scores, iou_threshold):
                return dets.new_empty(0)
            """
        code = textwrap.dedent(describe) if describes_nms else ""
        (package / "_meta_registrations.py").write_text(code)
        return tmp_path

    return make


@pytest.mark.slow
def test_without_operators_the_schemas_are_declared(fake_torchvision) -> None:
    path = fake_torchvision(has_ops=False, describes_nms=True)
    assert "torchvision::nms does not exist" in run("import torchvision", path).stderr
    done = run("import mmkd, torchvision" + STATE, path)
    assert done.stdout.split() == ["True", "True"], done.stderr


@pytest.mark.slow
def test_after_a_failed_import_a_second_one_works(fake_torchvision) -> None:
    path = fake_torchvision(has_ops=False, describes_nms=True)
    code = "try:\n    import torchvision\nexcept RuntimeError:\n    import mmkd, torchvision\n"
    done = run(code + STATE, path)
    assert done.stdout.split() == ["True", "True"], done.stderr


@pytest.mark.slow
def test_with_operators_nothing_is_declared(fake_torchvision) -> None:
    # This fake says that it has its operators, but does not bring any, so that a schema which is
    # there can only be ours.
    path = fake_torchvision(has_ops=True, describes_nms=False)
    done = run("import mmkd, torchvision" + STATE, path)
    assert done.stdout.split() == ["False", "False"], done.stderr


@pytest.mark.slow
def test_importing_mmkd_does_not_import_torchvision() -> None:
    done = run("import sys, mmkd; print('torchvision' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.slow
def test_the_real_torchvision_is_imported_with_its_operators_or_ours() -> None:
    pytest.importorskip("torchvision")
    code = """
import sys, mmkd, torchvision.models, torchvision.transforms.v2
from mmkd.compat.torchvision import _SchemaDeclarer, schemas_declared
print(schemas_declared() != torchvision.extension._has_ops())
print(any(isinstance(finder, _SchemaDeclarer) for finder in sys.meta_path))
"""
    done = run(code)
    assert done.stdout.split() == ["True", "False"], done.stderr
