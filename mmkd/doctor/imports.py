"""Checks that import the installed packages, each in a separate process.

Without MMEngine no module of the stack can be imported. Another check reports a missing MMEngine,
so these checks do not report it again for each module.
"""

import json

from mmkd.doctor.environment import Environment
from mmkd.doctor.finding import Finding, Level
from mmkd.doctor.supported import TORCH, TORCHVISION
from mmkd.doctor.versions import compare

DEVICES = """
import json, os, torch
names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print(json.dumps({"cpus": len(os.sched_getaffinity(0)), "gpus": names}))
"""
CUDA_OPS = "from mmcv.ops import get_compiling_cuda_version; print(get_compiling_cuda_version())"


def remedy(env: Environment, error: str) -> str | None:
    """Return the command that repairs a known error of an import, or ``None``."""
    if "libGL" in error or "libgthread" in error:
        return "apt-get update && apt-get install -y libgl1 libglib2.0-0"
    if "mmcv._ext" in error or "undefined symbol" in error or "_ext." in error:
        return compile_mmcv(env)
    if "torchvision::" in error:
        return f"{env.pip} install 'torch==={TORCH.version}'"
    if "pkg_resources" in error:
        return f"{env.pip} install 'setuptools<81'"
    return None


def compile_mmcv(env: Environment) -> str | None:
    """Return the command that compiles mmcv anew, against the installed torch."""
    package = env.installed("mmcv")
    if package is None:
        return None
    # Otherwise pip would use a wheel from its cache that was built without torch, or with another
    # one.
    forget = f"{env.pip} cache remove {package.name.replace('-', '_')}"
    return f"{forget}; CFLAGS='-O1 -g0' {reinstall(env, package.pin)}"


def reinstall(env: Environment, requirement: str) -> str:
    """Return the command that reinstalls the files of one package without its dependencies."""
    return f"{env.pip} install --no-build-isolation --no-deps --force-reinstall {requirement}"


def _check_import(env: Environment, code: str, what: str, mend: str | None) -> Finding:
    probe = env.probe(code)
    if probe.ok:
        return Finding(Level.OK, f"{what} can be imported")
    text = f"{what} cannot be imported: {probe.error}"
    return Finding(Level.BROKEN, text, remedy(env, probe.error) or mend)


def check_opencv(env: Environment) -> list[Finding]:
    """Check OpenCV, which needs two libraries of the system."""
    if not env.installed("mmcv"):
        return []
    mend = reinstall(env, "'opencv-python<4.13'")
    return [_check_import(env, "import cv2", "OpenCV", mend)]


def check_torchvision(env: Environment) -> list[Finding]:
    """Check torchvision, alone and, if that fails, with the remedy of `mmkd.compat.torchvision`."""
    if not env.installed("mmengine") or not any(map(env.installed, ("mmpretrain", "mmdet"))):
        return []
    if env.version("torchvision") is None:
        mend = f"{env.pip} install {TORCHVISION.pin}"
        return [Finding(Level.BROKEN, "torchvision is not installed", mend)]
    mend = reinstall(env, TORCHVISION.pin)
    alone = _check_import(env, "import torchvision", "torchvision", mend)
    if alone.level is Level.BROKEN and env.probe("import mmkd, torchvision").ok:
        text = (
            "torchvision is of another build than torch, and can be imported only after mmkd, "
            "which mends it: import mmkd first. For a torch that matches"
        )
        alone = Finding(Level.WARNING, text, alone.remedy)
    return [compare(env, TORCHVISION), alone]


def check_mmcv_ops(env: Environment) -> list[Finding]:
    """Check mmcv's compiled operators, which are missing if mmcv was built without torch."""
    if not env.installed("mmengine") or not env.installed("mmcv"):
        return []
    return [_check_import(env, "import torch, mmcv._ext", "mmcv's compiled ops", compile_mmcv(env))]


def check_modules(env: Environment) -> list[Finding]:
    """Check that mmkd, mmpretrain and mmdet import; they refuse versions that do not match."""
    modules = {"mmkd": "mmkd", "mmpretrain": "mmpretrain.models", "mmdet": "mmdet.models"}
    if not env.installed("mmengine"):
        return []
    findings = []
    for name, module in modules.items():
        package = env.installed(name)
        if package or name == "mmkd":
            mend = reinstall(env, package.pin) if package else None
            findings.append(_check_import(env, f"import mmkd, {module}", name, mend))
    return findings


def check_devices(env: Environment) -> list[Finding]:
    """Check the devices to train on, and whether mmcv's ops run there."""
    if env.version(TORCH.name) is None:
        return []
    probe = env.probe(DEVICES)
    if not probe.ok:
        mend = reinstall(env, TORCH.pin)
        return [Finding(Level.BROKEN, f"torch does not work: {probe.error}", mend)]
    devices = json.loads(probe.output)
    gpus = devices["gpus"]
    words = f"{len(gpus)} GPU(s): {', '.join(gpus)}" if gpus else "no GPU: training runs on the CPU"
    findings = [Finding(Level.OK, f"{devices['cpus']} CPU core(s), {words}")]
    if gpus and env.installed("mmcv") and env.probe(CUDA_OPS).output == "not available":
        text = (
            "mmcv's ops are compiled for the CPU only. With CUDA's nvcc on the PATH, compile them"
        )
        findings.append(Finding(Level.WARNING, text, compile_mmcv(env)))
    return findings
