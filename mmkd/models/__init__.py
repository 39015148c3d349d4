"""Networks that mmpretrain does not have."""

from mmkd.models.backbones import (
    CIFARVGG,
    CIFARMobileNetV2,
    CIFARResNet,
    CIFARResNetV2,
    CIFARShuffleNetV1,
    CIFARShuffleNetV2,
    CIFARWideResNet,
)
from mmkd.models.keys import classifier_keys, published_keys

__all__ = [
    "CIFARVGG",
    "CIFARMobileNetV2",
    "CIFARResNet",
    "CIFARResNetV2",
    "CIFARShuffleNetV1",
    "CIFARShuffleNetV2",
    "CIFARWideResNet",
    "classifier_keys",
    "published_keys",
]
