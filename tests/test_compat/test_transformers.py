"""mmpretrain's import beside transformers of either kind, each in a separate process.

Only the metadata of transformers is there: what mmpretrain does with it is what counts.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATE = """
from mmpretrain.utils import dependency
print(dependency.WITH_MULTIMODAL)
"""


def run(code: str, *first: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (*first, ROOT)))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def transformers_5(tmp_path: Path) -> Path:
    """A transformers 5 without the classes that mmpretrain's multimodal models inherit from."""
    described = tmp_path / "transformers-5.24.0.dist-info"
    described.mkdir()
    text = "Metadata-Version: 2.1\nName: transformers\nVersion: 5.24.0\n"
    (described / "METADATA").write_text(text)
    (tmp_path / "transformers.py").write_text("__version__ = '5.24.0'\n")
    return tmp_path


@pytest.mark.slow
def test_transformers_5_leaves_the_multimodal_models_out(transformers_5: Path) -> None:
    code = "import mmkd, mmpretrain.models\nfrom mmengine.registry import MODELS\n"
    code += "print('ResNet' in MODELS.children['mmpretrain'].module_dict)"
    done = run(code + STATE, transformers_5)
    assert done.stdout.split()[-2:] == ["True", "False"], done.stderr


@pytest.mark.parametrize(("given", "lacks"), [("5.0.0", True), ("4.57.6", False), (None, False)])
def test_only_transformers_5_needs_the_remedy(
    monkeypatch: pytest.MonkeyPatch, given: str | None, lacks: bool
) -> None:
    from importlib.metadata import PackageNotFoundError

    from mmkd.compat import transformers

    def version(name: str) -> str:
        if given is None:
            raise PackageNotFoundError(name)
        return given

    monkeypatch.setattr(transformers, "version", version)
    assert transformers.lacks_multimodal() is lacks
