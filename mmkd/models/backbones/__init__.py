"""Networks of the distillation literature, as backbones for ``mmpretrain.ImageClassifier``."""

from mmkd.models.backbones.cifar_mobilenet_v2 import CIFARMobileNetV2
from mmkd.models.backbones.cifar_resnet import CIFARResNet
from mmkd.models.backbones.cifar_resnet_v2 import CIFARResNetV2
from mmkd.models.backbones.cifar_shufflenet_v1 import CIFARShuffleNetV1
from mmkd.models.backbones.cifar_shufflenet_v2 import CIFARShuffleNetV2
from mmkd.models.backbones.cifar_vgg import CIFARVGG
from mmkd.models.backbones.cifar_wide_resnet import CIFARWideResNet
from mmkd.models.backbones.mobilenet_v1 import MobileNetV1

__all__ = [
    "CIFARVGG",
    "CIFARMobileNetV2",
    "CIFARResNet",
    "CIFARResNetV2",
    "CIFARShuffleNetV1",
    "CIFARShuffleNetV2",
    "CIFARWideResNet",
    "MobileNetV1",
]
