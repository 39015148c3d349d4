"""Packaging of mmkd: the Python package, and the configs and tools that ship inside it.

Neither OpenMMLab family is a hard requirement, because pip does not know that the two install the
same modules: the extras ``onedl`` and ``openmmlab`` choose one.
"""

import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# What mim and ``mmkd::`` config names look for in the installed package's ``.mim`` folder.
SHIPPED = ("configs", "tools", "weights", "model-index.yml")


def requirements(name: str) -> list[str]:
    """The packages that ``requirements/<name>.txt`` lists, with ranges in place of exact versions.

    The files hold the tested versions. An environment of one's own may have later patches of them,
    and the torchvision that belongs to its torch.
    """
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith(("#", "-"))]
    ranges = [package.replace("==", "~=") for package in packages]
    return ["torchvision" if line.startswith("torchvision") else line for line in ranges]


class BuildWithMim(build_py):
    """Builds the package with its ``.mim`` folder: a copy in a wheel, links in an editable one."""

    def run(self) -> None:
        super().run()
        place = ROOT / "mmkd" if self.editable_mode else Path(self.build_lib) / "mmkd"
        mim = place / ".mim"
        # A folder of an earlier build may hold files that are no longer part of the project.
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in SHIPPED:
            source, target = ROOT / name, mim / name
            if self.editable_mode:
                target.symlink_to(Path("..", "..", name), target_is_directory=source.is_dir())
            elif source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)


setup(
    name="mmkd",
    version=runpy.run_path(str(ROOT / "mmkd" / "version.py"))["__version__"],
    description="Knowledge distillation for the OpenMMLab stack",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    keywords="knowledge distillation, mmengine, mmpretrain, mmdetection, pytorch",
    packages=find_packages(include=["mmkd", "mmkd.*"]),
    package_data={"mmkd": ["py.typed"]},
    include_package_data=False,
    python_requires=">=3.10,<3.13",
    # mmcv does not compile with torch 2.14.
    install_requires=["torch>=2.1,<2.14", "numpy>=1.24", "click", "safetensors"],
    extras_require={
        extra: requirements(extra)
        for extra in (
            "onedl",
            "openmmlab",
            "seg",
            "quickstart",
            "teachers",
            "cluster",
            "tests",
            "lint",
            "docs",
        )
    },
    cmdclass={"build_py": BuildWithMim},
    zip_safe=False,
)
