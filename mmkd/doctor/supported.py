"""Supported versions: the table that the doctor, the lock files and the README have in common."""

from dataclasses import dataclass

PYTHONS = ((3, 10), (3, 11), (3, 12))


@dataclass(frozen=True)
class Package:
    """Distribution with the version that mmkd is tested with, and the module that it installs."""

    name: str
    version: str
    module: str

    @property
    def pin(self) -> str:
        """Requirement in pip's form, such as ``torch==2.13.0``."""
        return f"{self.name}=={self.version}"


TORCH = Package("torch", "2.13.0", "torch")
TORCHVISION = Package("torchvision", "0.28.0", "torchvision")
NUMPY = Package("numpy", "2.2.6", "numpy")

# Both families install the same modules, so an environment contains one or the other.
FAMILIES = {
    "onedl": (
        Package("onedl-mmengine", "0.10.12", "mmengine"),
        Package("onedl-mmcv", "2.3.6", "mmcv"),
        Package("onedl-mmpretrain", "1.3.6", "mmpretrain"),
        Package("onedl-mmdetection", "3.5.1", "mmdet"),
    ),
    "openmmlab": (
        Package("mmengine", "0.10.7", "mmengine"),
        Package("mmcv", "2.1.0", "mmcv"),
        Package("mmpretrain", "1.2.0", "mmpretrain"),
        Package("mmdet", "3.3.0", "mmdet"),
    ),
}

# Beside a family, for segmentation networks.
SEGMENTATION = Package("onedl-mmsegmentation", "1.4.2", "mmseg")

# Build requirements of mmcv besides torch; its original release imports pkg_resources, which
# setuptools dropped in version 81.
BUILD_TOOLS = "'setuptools<81' wheel packaging ninja psutil click"
