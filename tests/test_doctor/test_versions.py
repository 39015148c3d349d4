import pytest

from mmkd.doctor import versions
from mmkd.doctor.finding import Level
from mmkd.doctor.supported import FAMILIES

ABSENT = {package.name: None for package in FAMILIES["onedl"]}


@pytest.mark.parametrize(
    ("version", "expected"), [("2.13.0+cpu", (2, 13)), ("80.10.2", (80, 10)), ("nightly", (0, 0))]
)
def test_major_minor(version: str, expected: tuple[int, int]) -> None:
    assert versions.major_minor(version) == expected


@pytest.mark.parametrize(
    ("python", "level"),
    [
        ((3, 9, 18), Level.BROKEN),
        ((3, 10, 13), Level.OK),
        ((3, 12, 1), Level.OK),
        ((3, 13, 0), Level.BROKEN),
    ],
)
def test_python(make_environment, python, level) -> None:
    [finding] = versions.check_python(make_environment(python=python))
    assert finding.level is level


@pytest.mark.parametrize(
    ("version", "level", "remedy"),
    [
        ("2.13.0", Level.OK, None),
        ("2.13.0+cpu", Level.OK, None),
        ("2.11.0+cu130", Level.WARNING, "/env/bin/python -m pip install torch==2.13.0"),
        ("2.14.0", Level.WARNING, "/env/bin/python -m pip install torch==2.13.0"),
        (None, Level.BROKEN, "/env/bin/python -m pip install torch==2.13.0"),
    ],
)
def test_torch(make_environment, version, level, remedy) -> None:
    [finding] = versions.check_torch(make_environment(versions={"torch": version}))
    assert (finding.level, finding.remedy) == (level, remedy)


def test_torch_too_new_for_mmcv_is_explained(make_environment) -> None:
    [new] = versions.check_torch(make_environment(versions={"torch": "2.14.0"}))
    [old] = versions.check_torch(make_environment(versions={"torch": "2.11.0"}))
    assert "mmcv does not compile" in new.text
    assert "not tested" in old.text
    assert "mmcv" not in old.text


@pytest.mark.parametrize(
    ("version", "level", "word"),
    [
        ("2.2.6", Level.OK, "2.2.6"),
        ("2.3.1", Level.WARNING, "numpy < 2.3"),
        ("1.26.4", Level.WARNING, "not tested"),
        (None, Level.BROKEN, "not installed"),
    ],
)
def test_numpy(make_environment, version, level, word) -> None:
    [finding] = versions.check_numpy(make_environment(versions={"numpy": version}))
    assert finding.level is level
    assert word in finding.text


@pytest.mark.parametrize("family", ["onedl", "openmmlab"])
def test_one_family_is_fine(make_environment, family) -> None:
    env = make_environment(family)
    findings = versions.check_mixture(env) + versions.check_packages(env)
    assert [finding.level for finding in findings] == [Level.OK] * 5


@pytest.mark.parametrize("intruder", ["mmengine", "mmcv", "mmdet"])
def test_a_mixture_of_both_families_is_broken(make_environment, intruder) -> None:
    [finding] = versions.check_mixture(make_environment(versions={intruder: "1.0"}))
    assert finding.level is Level.BROKEN
    assert f"{intruder} 1.0" in finding.text
    assert "onedl-mmengine 0.10.12" in finding.text
    uninstall, _, install = finding.remedy.partition("; ")
    assert uninstall.startswith("/env/bin/python -m pip uninstall -y onedl-mmengine")
    assert install.endswith("onedl-mmdetection==3.5.1")


def test_neither_family_is_broken_and_torch_comes_before_mmcv(make_environment) -> None:
    [finding] = versions.check_mixture(make_environment(versions=ABSENT))
    assert finding.level is Level.BROKEN
    first, _, then = finding.remedy.partition(" && ")
    assert "torch==2.13.0" in first
    assert "--no-build-isolation" in then
    assert "onedl-mmcv==2.3.6" in then


@pytest.mark.parametrize(
    ("absent", "level"),
    [
        (["onedl-mmdetection"], Level.NOTE),
        (["onedl-mmpretrain"], Level.NOTE),
        (["onedl-mmcv"], Level.BROKEN),
        (["onedl-mmcv", "onedl-mmpretrain", "onedl-mmdetection"], Level.NOTE),
        (["onedl-mmengine"], Level.BROKEN),
    ],
)
def test_what_is_missing_of_a_family(make_environment, absent, level) -> None:
    findings = versions.check_packages(make_environment(versions=dict.fromkeys(absent)))
    missing = [finding for finding in findings if finding.level is not Level.OK]
    assert [finding.level for finding in missing] == [level] * len(absent)
    assert all(name in finding.remedy for name, finding in zip(absent, missing, strict=True))


def test_another_version_of_a_package_is_a_warning(make_environment) -> None:
    findings = versions.check_packages(make_environment(versions={"onedl-mmcv": "2.4.0"}))
    [finding] = [finding for finding in findings if finding.level is not Level.OK]
    assert finding.level is Level.WARNING
    assert "onedl-mmcv 2.4.0 (supported: 2.3.6): not tested" in finding.text


@pytest.mark.parametrize(
    ("family", "version", "levels"),
    [
        ("onedl", "84.2.1", []),
        ("openmmlab", "80.10.2", [Level.OK]),
        ("openmmlab", "81.0.0", [Level.BROKEN]),
        ("openmmlab", None, [Level.BROKEN]),
    ],
)
def test_setuptools(make_environment, family, version, levels) -> None:
    env = make_environment(family, versions={"setuptools": version})
    assert [finding.level for finding in versions.check_setuptools(env)] == levels


def test_segmentation_is_optional_beside_the_onedl_packages(make_environment) -> None:
    [finding] = versions.check_segmentation(make_environment())
    assert finding.level is Level.NOTE
    assert "install onedl-mmsegmentation==1.4.2" in finding.remedy
    assert versions.check_segmentation(make_environment("openmmlab")) == []
    other = make_environment(versions={"onedl-mmsegmentation": "1.5.0"})
    assert versions.check_segmentation(other)[0].level is Level.WARNING


def test_the_quickstart_is_optional(make_environment) -> None:
    assert versions.check_quickstart(make_environment()) == []
    [finding] = versions.check_quickstart(make_environment(versions={"scikit-learn": None}))
    assert finding.level is Level.NOTE
