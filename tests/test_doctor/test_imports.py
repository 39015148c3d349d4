import pytest

from mmkd.doctor import imports
from mmkd.doctor.finding import Level

NO_OPERATORS = "RuntimeError: operator torchvision::nms does not exist"


def test_a_healthy_environment(make_environment) -> None:
    env = make_environment()
    checks = (
        imports.check_opencv,
        imports.check_torchvision,
        imports.check_mmcv_ops,
        imports.check_modules,
        imports.check_devices,
    )
    findings = [finding for check in checks for finding in check(env)]
    assert [finding.level for finding in findings] == [Level.OK] * 8
    assert "2 CPU core(s), no GPU" in findings[-1].text


def test_opencv_without_the_libraries_of_the_system(make_environment) -> None:
    error = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    [finding] = imports.check_opencv(make_environment(errors={"cv2": error}))
    assert finding.level is Level.BROKEN
    assert "libgl1 libglib2.0-0" in finding.remedy


@pytest.mark.parametrize(
    "error",
    [
        "ModuleNotFoundError: No module named 'mmcv._ext'",
        "ImportError: mmcv/_ext.cpython-311.so: undefined symbol: _ZN3c104",
    ],
)
@pytest.mark.parametrize(
    ("family", "package"), [("onedl", "onedl-mmcv==2.3.6"), ("openmmlab", "mmcv==2.1.0")]
)
def test_mmcv_without_ops_is_compiled_anew(make_environment, error, family, package) -> None:
    [finding] = imports.check_mmcv_ops(make_environment(family, errors={"mmcv._ext": error}))
    assert finding.level is Level.BROKEN
    assert error in finding.text
    assert "pip cache remove" in finding.remedy
    assert finding.remedy.endswith(f"--no-build-isolation --no-deps --force-reinstall {package}")


def test_torchvision_that_works_after_mmkd_only_is_a_warning(make_environment) -> None:
    env = make_environment(errors={"import torchvision": NO_OPERATORS})
    version, finding = imports.check_torchvision(env)
    assert version.text == "torchvision 0.28.0 (supported: 0.28.0)"
    assert finding.level is Level.WARNING
    assert "import mmkd first" in finding.text
    assert finding.remedy == "/env/bin/python -m pip install 'torch===2.13.0'"


def test_torchvision_that_never_works_is_broken(make_environment) -> None:
    findings = imports.check_torchvision(make_environment(errors={"torchvision": NO_OPERATORS}))
    finding = findings[-1]
    assert finding.level is Level.BROKEN
    assert NO_OPERATORS in finding.text


def test_torchvision_is_needed_by_mmpretrain(make_environment) -> None:
    [finding] = imports.check_torchvision(make_environment(versions={"torchvision": None}))
    assert finding.level is Level.BROKEN
    assert finding.remedy.endswith("install torchvision==0.28.0")


def test_torchvision_is_not_needed_by_mmkd(make_environment) -> None:
    absent = dict.fromkeys(["torchvision", "onedl-mmpretrain", "onedl-mmdetection"])
    assert imports.check_torchvision(make_environment(versions=absent)) == []


def test_a_missing_mmengine_is_not_repeated_for_each_module(make_environment) -> None:
    env = make_environment(versions={"onedl-mmengine": None}, errors={"import": "No mmengine"})
    checks = (imports.check_torchvision, imports.check_mmcv_ops, imports.check_modules)
    assert [check(env) for check in checks] == [[], [], []]


def test_packages_that_refuse_each_other(make_environment) -> None:
    error = "AssertionError: MMCV==2.2.0 is used but incompatible."
    findings = imports.check_modules(make_environment(errors={"mmdet.models": error}))
    assert [finding.level for finding in findings] == [Level.OK, Level.OK, Level.BROKEN]
    assert error in findings[-1].text
    assert findings[-1].remedy.endswith("--force-reinstall onedl-mmdetection==3.5.1")


def test_gpus_and_mmcv_without_cuda_ops(make_environment) -> None:
    outputs = {"device_count": '{"cpus": 16, "gpus": ["H100"]}', "get_compiling": "not available"}
    devices, ops = imports.check_devices(make_environment(outputs=outputs))
    assert devices.text == "16 CPU core(s), 1 GPU(s): H100"
    assert ops.level is Level.WARNING
    outputs["get_compiling"] = "13.0"
    assert len(imports.check_devices(make_environment(outputs=outputs))) == 1


def test_a_torch_that_does_not_start(make_environment) -> None:
    [finding] = imports.check_devices(make_environment(errors={"device_count": "OSError: no"}))
    assert finding.level is Level.BROKEN
