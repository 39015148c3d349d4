"""Distillation losses: pure functions of tensors under thin registered modules."""

from mmkd.losses.feature_loss import FeatureLoss
from mmkd.losses.hint_loss import HintLoss, hint_distance
from mmkd.losses.kd_loss import KDLoss, kd_divergence
from mmkd.losses.logit_loss import LogitLoss
from mmkd.losses.reduction import reduce_loss

__all__ = [
    "FeatureLoss",
    "HintLoss",
    "KDLoss",
    "LogitLoss",
    "hint_distance",
    "kd_divergence",
    "reduce_loss",
]
