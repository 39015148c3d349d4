"""Distillation losses: pure functions of tensors under thin registered modules."""

from mmkd.losses.ab_loss import ABLoss
from mmkd.losses.at_loss import ATLoss, attention
from mmkd.losses.binary_kd_loss import BinaryKDLoss, binary_kd_divergence
from mmkd.losses.box_delta_loss import BoxDeltaLoss
from mmkd.losses.catkd_loss import CATKDLoss
from mmkd.losses.cc_loss import AdjacentCCLoss, CCLoss
from mmkd.losses.correlation_loss import BatchCorrelationLoss, ClassCorrelationLoss
from mmkd.losses.crd_loss import CRDLoss
from mmkd.losses.cwd_loss import CWDLoss
from mmkd.losses.dist_loss import DISTLoss, correlation
from mmkd.losses.dkd_loss import (
    DKDLoss,
    NCKDLoss,
    TCKDLoss,
    nckd_divergence,
    tckd_divergence,
)
from mmkd.losses.fcfd_loss import FCFD
from mmkd.losses.feature_loss import FeatureLoss
from mmkd.losses.fgd_loss import FGDLoss
from mmkd.losses.fsp_loss import FSPLoss
from mmkd.losses.ft_loss import FTLoss
from mmkd.losses.hint_loss import HintLoss, hint_distance
from mmkd.losses.kd_loss import KDLoss, kd_divergence
from mmkd.losses.kdsvd_loss import KDSVDLoss
from mmkd.losses.ld_loss import LDLoss
from mmkd.losses.logit_loss import LogitLoss
from mmkd.losses.mgd_loss import MGDLoss
from mmkd.losses.mlkd_loss import MLKDLoss
from mmkd.losses.nkd_loss import NKDLoss
from mmkd.losses.nst_loss import NSTLoss
from mmkd.losses.ofd_loss import OFDLoss
from mmkd.losses.pad_loss import PADLoss
from mmkd.losses.partly_relational_loss import PartlyRelationalLogitLoss
from mmkd.losses.parts_loss import PartsLoss
from mmkd.losses.pkd_loss import PKDLoss
from mmkd.losses.pkt_loss import PKTLoss
from mmkd.losses.reduction import reduce_loss
from mmkd.losses.relational_feature_loss import RelationalFeatureLoss
from mmkd.losses.relational_loss import RelationalLogitLoss
from mmkd.losses.review_kd_loss import ReviewKDLoss, hierarchical_distance
from mmkd.losses.rkd_loss import RKDLoss
from mmkd.losses.semckd_loss import SemCKDLoss
from mmkd.losses.simkd_loss import SimKDLoss
from mmkd.losses.sp_loss import SPLoss
from mmkd.losses.srrl_loss import SRRLLoss
from mmkd.losses.tfkd_reg_loss import TfKDRegLoss
from mmkd.losses.ttm_loss import TTMLoss
from mmkd.losses.vid_loss import VIDLoss

__all__ = [
    "FCFD",
    "ABLoss",
    "ATLoss",
    "AdjacentCCLoss",
    "BatchCorrelationLoss",
    "BinaryKDLoss",
    "BoxDeltaLoss",
    "CATKDLoss",
    "CCLoss",
    "CRDLoss",
    "CWDLoss",
    "ClassCorrelationLoss",
    "DISTLoss",
    "DKDLoss",
    "FGDLoss",
    "FSPLoss",
    "FTLoss",
    "FeatureLoss",
    "HintLoss",
    "KDLoss",
    "KDSVDLoss",
    "LDLoss",
    "LogitLoss",
    "MGDLoss",
    "MLKDLoss",
    "NCKDLoss",
    "NKDLoss",
    "NSTLoss",
    "OFDLoss",
    "PADLoss",
    "PKDLoss",
    "PKTLoss",
    "PartlyRelationalLogitLoss",
    "PartsLoss",
    "RKDLoss",
    "RelationalFeatureLoss",
    "RelationalLogitLoss",
    "ReviewKDLoss",
    "SPLoss",
    "SRRLLoss",
    "SemCKDLoss",
    "SimKDLoss",
    "TCKDLoss",
    "TTMLoss",
    "TfKDRegLoss",
    "VIDLoss",
    "attention",
    "binary_kd_divergence",
    "correlation",
    "hierarchical_distance",
    "hint_distance",
    "kd_divergence",
    "nckd_divergence",
    "reduce_loss",
    "tckd_divergence",
]
