"""Data sets for mmpretrain's classifiers.

Raises:
    ImportError: if mmpretrain is not installed; the data sets are subclasses of mmpretrain's.
"""

try:
    from mmkd.datasets.cifar100 import CIFAR100
    from mmkd.datasets.cinic10 import CINIC10
    from mmkd.datasets.digits import Digits
    from mmkd.datasets.fashion_mnist import FashionMNIST
    from mmkd.datasets.tiny_imagenet import TinyImageNet
except ModuleNotFoundError as error:
    if error.name != "mmpretrain":
        raise
    raise ImportError(
        "mmkd.datasets holds datasets for mmpretrain, which is not installed; "
        "`python -m mmkd doctor` prints the command that installs a supported version"
    ) from error

__all__ = ["CIFAR100", "CINIC10", "Digits", "FashionMNIST", "TinyImageNet"]
