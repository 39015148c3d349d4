"""Distillation losses: pure functions of tensors under thin registered modules."""

from mmkd.losses.correlation_loss import BatchCorrelationLoss, ClassCorrelationLoss
from mmkd.losses.dist_loss import DISTLoss, correlation
from mmkd.losses.dkd_loss import (
    DKDLoss,
    NCKDLoss,
    TCKDLoss,
    nckd_divergence,
    tckd_divergence,
)
from mmkd.losses.feature_loss import FeatureLoss
from mmkd.losses.hint_loss import HintLoss, hint_distance
from mmkd.losses.kd_loss import KDLoss, kd_divergence
from mmkd.losses.logit_loss import LogitLoss
from mmkd.losses.reduction import reduce_loss
from mmkd.losses.relational_loss import RelationalLogitLoss
from mmkd.losses.ttm_loss import TTMLoss

__all__ = [
    "BatchCorrelationLoss",
    "ClassCorrelationLoss",
    "DISTLoss",
    "DKDLoss",
    "FeatureLoss",
    "HintLoss",
    "KDLoss",
    "LogitLoss",
    "NCKDLoss",
    "RelationalLogitLoss",
    "TCKDLoss",
    "TTMLoss",
    "correlation",
    "hint_distance",
    "kd_divergence",
    "nckd_divergence",
    "reduce_loss",
    "tckd_divergence",
]
