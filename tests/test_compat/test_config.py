from importlib.util import find_spec
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.hub import get_config

from mmkd.compat import config as compat
from mmkd.compat.config import allow_config_names, installed_path, resolve


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `somekd` that ships the config `method/plain.py`."""
    mim = tmp_path / "somekd" / ".mim"
    (mim / "configs" / "method").mkdir(parents=True)
    (mim.parent / "__init__.py").touch()
    (mim / "configs" / "method" / "plain.py").write_text("epochs = 240\n")
    (mim / "configs" / "method" / "metafile.yml").write_text("Models: []\n")
    (mim / "model-index.yml").write_text("Import:\n  - configs/method/metafile.yml\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(MODULE2PACKAGE, "somekd", "somekd")
    return mim


def test_a_name_means_the_file_that_the_package_ships(package: Path) -> None:
    config = Config.fromfile("somekd::method/plain.py")
    assert config.epochs == 240
    assert Path(config.filename) == package / "configs" / "method" / "plain.py"


def test_names_work_in_base_and_hub_too(package: Path, tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text("_base_ = 'somekd::method/plain.py'\nbatch = 64\n")
    assert Config.fromfile(child).epochs == 240
    assert get_config("somekd::method/plain.py").epochs == 240


def test_a_path_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "plain.py"
    path.write_text("epochs = 1\n")
    assert resolve(path) is path
    assert Config.fromfile(str(path)).epochs == 1
    assert Config.fromfile(path, import_custom_modules=False).epochs == 1


def test_a_config_that_the_package_does_not_have(package: Path) -> None:
    with pytest.raises(FileNotFoundError, match="method/other"):
        Config.fromfile("somekd::method/other.py")


def test_an_editable_installation_is_where_its_module_is(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the original MMEngine has it: beside the metadata, where there is no such folder.
    monkeypatch.setattr(compat, "get_installed_path", lambda name: f"/site-packages/{name}")
    assert installed_path("somekd") == str(package.parent)
    assert Config.fromfile("somekd::method/plain.py").epochs == 240
    assert get_config("somekd::method/plain.py").epochs == 240
    assert installed_path("nowhere") == "/site-packages/nowhere"


def test_applying_it_again_wraps_nothing() -> None:
    before = Config.fromfile
    allow_config_names()
    assert Config.fromfile is before


def test_mmengine_knows_mmkd() -> None:
    assert MODULE2PACKAGE["mmkd"] == "mmkd"


@pytest.mark.skipif(find_spec("mmpretrain") is None, reason="mmpretrain is not installed")
def test_a_base_by_name_is_as_one_by_path(tmp_path: Path) -> None:
    """MMEngine's own lookup would search the visualizer and the data's transforms in mmkd."""
    name, configs = "quickstart/student_digits.py", Path(__file__).parents[2] / "configs"
    (tmp_path / "by_name.py").write_text(f'_base_ = "mmkd::{name}"\n')
    (tmp_path / "by_path.py").write_text(f"_base_ = {str(configs / name)!r}\n")
    by_name, by_path = (Config.fromfile(tmp_path / f"by_{way}.py") for way in ("name", "path"))
    assert by_name.to_dict() == by_path.to_dict()
    assert by_name.visualizer.type == "UniversalVisualizer"


def test_the_configs_of_mmpretrain() -> None:
    config = Config.fromfile("mmpretrain::resnet/resnet18_8xb32_in1k.py")
    assert config.model.type == "ImageClassifier"


def test_networks_are_named_relative_to_the_config_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a config of another folder that inherits it; else to the current folder."""
    for name in ("a/student.py", "a/teacher.py", "a/weights.pth"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a/base.py").write_text(
        "model = dict(student='student.py', teachers=dict(\n"
        "    t=dict(model='./teacher.py', checkpoint='weights.pth'),\n"
        "    u=dict(model=dict(config='teacher.py', depth=3), checkpoint='work_dirs/x.pth')))\n"
    )
    (tmp_path / "b").mkdir()
    (tmp_path / "b/child.py").write_text("_base_ = '../a/base.py'\n")
    monkeypatch.chdir(tmp_path)
    for name in ("a/base.py", "b/child.py"):
        model = Config.fromfile(name).model
        assert model.student == str(tmp_path / "a/student.py")
        assert model.teachers.t.model == str(tmp_path / "a/teacher.py")
        assert model.teachers.t.checkpoint == str(tmp_path / "a/weights.pth")
        assert model.teachers.u.model.config == str(tmp_path / "a/teacher.py")
        assert model.teachers.u.checkpoint == "work_dirs/x.pth"


def test_names_work_in_a_clone_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmkd.compat.shipped.PACKAGE", tmp_path / "mmkd")
    (tmp_path / "configs/kd").mkdir(parents=True)
    (tmp_path / "configs/kd/x.py").write_text("epochs = 3\n")
    assert Config.fromfile("mmkd::kd/x.py").epochs == 3
    with pytest.raises(FileNotFoundError, match=r"mmkd has no config kd/y\.py"):
        Config.fromfile("mmkd::kd/y.py")


def test_a_clone_that_is_not_installed_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmkd.compat.config.PACKAGE", tmp_path / "mmkd")
    with pytest.raises(FileNotFoundError, match=r"pip install .* -e"):
        get_config("mmkd::erkd/resnet20_resnet8_w8_fmnist8k.py")


def test_a_packages_index_is_read_once(package: Path) -> None:
    assert Config.fromfile("somekd::method/plain.py").epochs == 240
    (package / "model-index.yml").unlink()
    assert Config.fromfile("somekd::method/plain.py").epochs == 240
