"""Networks of the distillation literature, as backbones for ``mmpretrain.ImageClassifier``."""

from mmkd.models.backbones.cifar_resnet import CIFARResNet

__all__ = ["CIFARResNet"]
