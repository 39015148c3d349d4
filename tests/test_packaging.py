"""Files that describe the project agree with each other and with the shipped files."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmkd.doctor.supported import FAMILIES, NUMPY, SEGMENTATION, TORCH, TORCHVISION, Package
from mmkd.version import __version__

ROOT = Path(__file__).resolve().parents[1]
FAMILIES_PACKAGES = [package for family in FAMILIES.values() for package in family]
SUPPORTED = [TORCH, TORCHVISION, NUMPY, SEGMENTATION, *FAMILIES_PACKAGES]


def requirement_lines(name: str) -> list[str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-c"))]


@pytest.mark.parametrize("family", FAMILIES)
def test_lock_files_hold_the_supported_versions(family: str) -> None:
    lines = requirement_lines(family)
    assert {TORCHVISION.pin, *(package.pin for package in FAMILIES[family])} <= set(lines)
    assert TORCH.pin in requirement_lines("build")
    assert NUMPY.pin in requirement_lines("constraints")
    assert SEGMENTATION.pin in requirement_lines("seg")


def test_every_requirement_without_an_exact_version_is_pinned_by_the_constraints() -> None:
    files = ("build", "quickstart", "teachers", "cluster", "tests", "lint", "docs")
    lines = [line for name in files for line in requirement_lines(name) if "==" not in line]
    bare = {re.split("[<>]", line)[0] for line in lines}
    assert {"scikit-learn", "pytest", "mypy", "wheel"} <= bare
    pinned = {line.partition("==")[0] for line in requirement_lines("constraints")}
    assert bare <= pinned


def test_every_constraint_is_exact() -> None:
    pattern = r'[a-z0-9-]+==[0-9.]+(b\d+|\.post\d+)?(; python_version (>=|<) "3\.11")?'
    odd = [line for line in requirement_lines("constraints") if not re.fullmatch(pattern, line)]
    assert odd == []


@pytest.mark.parametrize("package", SUPPORTED, ids=lambda package: package.pin)
def test_readme_names_the_supported_versions(package: Package) -> None:
    readme = (ROOT / "README.md").read_text()
    name, version = re.escape(package.name), re.escape(package.version)
    assert re.search(rf"(?<![\w-]){name}[\s`=|*]+{version}(?![.\d]*\d)", readme), package.pin


@pytest.mark.parametrize("command", ["quickstart", "tests"])
def test_readme_marks_the_commands_that_ci_runs(command: str) -> None:
    readme = (ROOT / "README.md").read_text()
    block = rf"^<!-- command: {command} -->\n```bash\n(.+)\n```$"
    found = re.findall(block, readme, flags=re.MULTILINE)
    assert len(found) == 1
    assert found[0].startswith("bash tools/setup.sh")


def test_model_index_and_its_metafiles_name_files_that_exist() -> None:
    index = yaml.safe_load((ROOT / "model-index.yml").read_text())
    metafiles = {str(path.relative_to(ROOT)) for path in ROOT.glob("configs/*/metafile.yml")}
    assert set(index["Import"]) == metafiles
    for metafile in metafiles:
        for model in yaml.safe_load((ROOT / metafile).read_text())["Models"]:
            assert (ROOT / model["Config"]).is_file(), f"{metafile}: {model['Config']}"


def test_the_version_is_the_same_everywhere() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, so that builds leave nothing in the clone."""
    copy = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns(".mim", "__pycache__")
    for name in ("mmkd", "configs", "tools", "weights", "requirements"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    for pattern in ("*.py", "*.toml", "*.in", "*.md", "*.yml", "*.cff", "LICENSE"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, copy)
    return copy


def build(kind: str, folder: Path) -> Path:
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}('.'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
    )
    return folder / done.stdout.splitlines()[-1]


def install(wheel: Path, target: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True)


CONFIG_NAMES = """
import site, sys
site.addsitedir(sys.argv[1])  # an editable installation is a .pth file
from pathlib import Path
import mmkd
from mmengine.config import Config
from mmengine.hub import get_config

name = "mmkd::" + sys.argv[2]
Path("child.py").write_text(f"_base_ = {name!r}\\nhere = 1\\n")
expected = get_config(name)
assert Config.fromfile(name).to_dict() == expected.to_dict()
child = Config.fromfile("child.py").to_dict()
assert child.pop("here") == 1 and child, child
print(mmkd.__file__)
"""


def names_resolve(target: Path, cwd: Path) -> str:
    config = next((ROOT / "configs" / "erkd").glob("*.py"))
    done = subprocess.run(
        [sys.executable, "-c", CONFIG_NAMES, str(target), f"erkd/{config.name}"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_a_wheel_built_from_the_sdist_ships_configs_and_tools(source: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(build("sdist", source), tmp_path)
    [unpacked] = tmp_path.iterdir()
    target = tmp_path / "target"
    install(build("wheel", unpacked), target)

    mim = target / "mmkd" / ".mim"
    assert (mim / "model-index.yml").is_file()
    for folder in ("configs", "tools", "weights"):
        files = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.*")}
        files = {path for path in files if "__pycache__" not in path.parts}
        assert files <= {path.relative_to(mim) for path in (mim / folder).rglob("*.*")}
    assert (target / "mmkd" / "py.typed").is_file()
    assert not (target / "tests").exists()

    metadata = next(target.glob("mmkd-*.dist-info/METADATA")).read_text()
    required = re.findall(r"^Requires-Dist: (.+)$", metadata, flags=re.MULTILINE)
    always = {line for line in required if "extra" not in line}
    assert always == {"torch<2.14,>=2.1", "numpy>=1.24", "click", "safetensors"}
    for family, packages in FAMILIES.items():
        extras = [line for line in required if f'extra == "{family}"' in line]
        ranges = [package.pin.replace("==", "~=") for package in packages]
        assert all(any(line.startswith(each) for line in extras) for each in ranges)
        assert any(line.startswith("torchvision;") for line in extras)

    assert names_resolve(target, tmp_path) == str(target / "mmkd" / "__init__.py")


@pytest.mark.slow
def test_an_editable_installation_links_configs_and_tools(source: Path, tmp_path: Path) -> None:
    install(build("editable", source), tmp_path)
    mim = source / "mmkd" / ".mim"
    assert (mim / "configs").resolve() == source / "configs"
    assert names_resolve(tmp_path, tmp_path) == str(source / "mmkd" / "__init__.py")


def test_the_workflow_and_the_issue_forms_are_read_as_what_they_are() -> None:
    for name, options in (("ci", ""), ("openmmlab", " --family openmmlab")):
        workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
        [job] = workflow["jobs"].values()
        assert f"bash .ci/run{options}" in [step.get("run") for step in job["steps"]]
    for name in ("bug", "method"):
        form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text())
        assert {"name", "description", "body"} <= form.keys()
        ids = [part["id"] for part in form["body"]]
        assert len(set(ids)) == len(ids)


def test_the_sessions_of_nox_are_steps_of_ci() -> None:
    session = (ROOT / "noxfile.py").read_text()
    called = re.findall(r'"([^"]+)"', " ".join(re.findall(r"ci_steps\(session, (.*)\)", session)))
    script = (ROOT / ".ci/run").read_text()
    [line] = re.findall(r"^all=\((.*)\)$", script, flags=re.MULTILINE)
    steps = set(re.findall(r"^ +step (\S+) ", script, flags=re.MULTILINE)) - {"setup"}
    assert set(line.split()) == steps
    assert set(called) - {"--family", "openmmlab"} == steps - {"quickstart"} - {
        name for name in steps if name.endswith("-tools")
    }


def test_ci_runs_the_tests_of_optional_packages() -> None:
    [listed] = re.findall(r'^extras="([^"]+)"$', (ROOT / ".ci/run").read_text(), re.MULTILINE)
    skips = re.compile(r'importorskip\("(timm|transformers|ray|optuna|accelerate)"')
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if skips.search(path.read_text())]
    assert len(files) > 3
    assert {path.relative_to(ROOT).as_posix() for path in files} <= set(listed.split())


def test_a_step_of_ci_that_does_not_exist_is_refused() -> None:
    for words, error in (("tset", "there is no step tset"), ("--family mmcv", "not mmcv")):
        done = subprocess.run(
            ["bash", ".ci/run", *words.split()], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert error in done.stderr


def test_places_with_a_second_reader_exist_and_no_owner_is_made_up() -> None:
    lines = (ROOT / ".github/CODEOWNERS").read_text().splitlines()
    places = [line for line in lines if not line.startswith("#")]
    assert places
    assert all((ROOT / place.strip("/")).exists() for place in places)
