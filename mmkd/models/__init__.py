"""Networks that mmpretrain does not have."""

from mmkd.models.backbones import CIFARResNet
from mmkd.models.keys import classifier_keys

__all__ = ["CIFARResNet", "classifier_keys"]
