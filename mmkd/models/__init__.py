"""Networks that mmpretrain does not have."""

from mmkd.models.backbones import (
    CIFARVGG,
    CIFARMobileNetV2,
    CIFARResNet,
    CIFARResNetV2,
    CIFARShuffleNetV1,
    CIFARShuffleNetV2,
    CIFARWideResNet,
    MobileNetV1,
)
from mmkd.models.keys import classifier_keys, published_keys
from mmkd.models.multi_view import MultiViewDataPreprocessor
from mmkd.models.necks import SimKDNeck

__all__ = [
    "CIFARVGG",
    "CIFARMobileNetV2",
    "CIFARResNet",
    "CIFARResNetV2",
    "CIFARShuffleNetV1",
    "CIFARShuffleNetV2",
    "CIFARWideResNet",
    "MobileNetV1",
    "MultiViewDataPreprocessor",
    "SimKDNeck",
    "classifier_keys",
    "published_keys",
]
