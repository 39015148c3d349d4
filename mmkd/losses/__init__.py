"""Distillation losses: pure functions of tensors under thin registered modules."""

from mmkd.arithmetic import reduce_loss
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.losses.base.partly_relational_loss import PartlyRelationalLogitLoss
from mmkd.losses.base.parts_loss import PartsLoss
from mmkd.losses.base.relational_feature_loss import RelationalFeatureLoss
from mmkd.losses.base.relational_loss import RelationalLogitLoss
from mmkd.losses.detection.box_delta_loss import BoxDeltaLoss
from mmkd.losses.detection.box_iou_loss import BoxIoULoss
from mmkd.losses.detection.fgd_loss import FGDLoss
from mmkd.losses.detection.ld_loss import LDLoss
from mmkd.losses.fcfd.fcfd_loss import FCFD
from mmkd.losses.features.ab_loss import ABLoss
from mmkd.losses.features.at_loss import ATLoss, attention
from mmkd.losses.features.catkd_loss import CATKDLoss
from mmkd.losses.features.cirkd_loss import CIRKDLoss
from mmkd.losses.features.cwd_loss import CWDLoss
from mmkd.losses.features.fsp_loss import FSPLoss
from mmkd.losses.features.ft_loss import FTLoss
from mmkd.losses.features.hint_loss import HintLoss, hint_distance
from mmkd.losses.features.kdsvd_loss import KDSVDLoss
from mmkd.losses.features.mgd_loss import MGDLoss
from mmkd.losses.features.nst_loss import NSTLoss
from mmkd.losses.features.ofa_stage_loss import OFAStageLoss
from mmkd.losses.features.ofd_loss import OFDLoss
from mmkd.losses.features.pad_loss import PADLoss
from mmkd.losses.features.proteus_loss import ProteusLoss
from mmkd.losses.features.review_kd_loss import ReviewKDLoss, hierarchical_distance
from mmkd.losses.features.sdd_loss import SDDLoss
from mmkd.losses.features.seed_loss import SEEDLoss
from mmkd.losses.features.semckd_loss import SemCKDLoss
from mmkd.losses.features.simkd_loss import SimKDLoss
from mmkd.losses.features.srrl_loss import SRRLLoss
from mmkd.losses.features.unic_loss import UNICLoss
from mmkd.losses.features.vid_loss import VIDLoss
from mmkd.losses.features.vkd_loss import VkDLoss
from mmkd.losses.features.wkd_feature_loss import WKDFeatureLoss
from mmkd.losses.logits.binary_kd_loss import BinaryKDLoss, binary_kd_divergence
from mmkd.losses.logits.correlation_loss import BatchCorrelationLoss, ClassCorrelationLoss
from mmkd.losses.logits.crld_loss import CRLDLoss
from mmkd.losses.logits.dist_loss import DISTLoss, correlation
from mmkd.losses.logits.dkd_loss import (
    DKDLoss,
    NCKDLoss,
    TCKDLoss,
    nckd_divergence,
    tckd_divergence,
)
from mmkd.losses.logits.entropy_gated_loss import EntropyGatedLoss
from mmkd.losses.logits.jensen_shannon_loss import JensenShannonLoss
from mmkd.losses.logits.kd_loss import KDLoss
from mmkd.losses.logits.mlkd_loss import MLKDLoss
from mmkd.losses.logits.nkd_loss import NKDLoss
from mmkd.losses.logits.ofa_loss import OFALoss
from mmkd.losses.logits.quality_focal_kd_loss import QualityFocalKDLoss
from mmkd.losses.logits.reverse_kl_loss import ReverseKLLoss
from mmkd.losses.logits.rld_loss import RLDLoss
from mmkd.losses.logits.skew_kl_loss import SkewKLLoss
from mmkd.losses.logits.tfkd_reg_loss import TfKDRegLoss
from mmkd.losses.logits.ttm_loss import TTMLoss
from mmkd.losses.logits.wkd_loss import WKDLoss
from mmkd.losses.relations.cc_loss import AdjacentCCLoss, CCLoss
from mmkd.losses.relations.crd_loss import CRDLoss
from mmkd.losses.relations.pkd_loss import PKDLoss
from mmkd.losses.relations.pkt_loss import PKTLoss
from mmkd.losses.relations.rkd_loss import RKDLoss
from mmkd.losses.relations.sp_loss import SPLoss

__all__ = [
    "FCFD",
    "ABLoss",
    "ATLoss",
    "AdjacentCCLoss",
    "BatchCorrelationLoss",
    "BinaryKDLoss",
    "BoxDeltaLoss",
    "BoxIoULoss",
    "CATKDLoss",
    "CCLoss",
    "CIRKDLoss",
    "CRDLoss",
    "CRLDLoss",
    "CWDLoss",
    "ClassCorrelationLoss",
    "DISTLoss",
    "DKDLoss",
    "EntropyGatedLoss",
    "FGDLoss",
    "FSPLoss",
    "FTLoss",
    "FeatureLoss",
    "HintLoss",
    "JensenShannonLoss",
    "KDLoss",
    "KDSVDLoss",
    "LDLoss",
    "LogitLoss",
    "MGDLoss",
    "MLKDLoss",
    "NCKDLoss",
    "NKDLoss",
    "NSTLoss",
    "OFALoss",
    "OFAStageLoss",
    "OFDLoss",
    "PADLoss",
    "PKDLoss",
    "PKTLoss",
    "PartlyRelationalLogitLoss",
    "PartsLoss",
    "ProteusLoss",
    "QualityFocalKDLoss",
    "RKDLoss",
    "RLDLoss",
    "RelationalFeatureLoss",
    "RelationalLogitLoss",
    "ReverseKLLoss",
    "ReviewKDLoss",
    "SDDLoss",
    "SEEDLoss",
    "SPLoss",
    "SRRLLoss",
    "SemCKDLoss",
    "SimKDLoss",
    "SkewKLLoss",
    "TCKDLoss",
    "TTMLoss",
    "Tempered",
    "TfKDRegLoss",
    "UNICLoss",
    "VIDLoss",
    "VkDLoss",
    "WKDFeatureLoss",
    "WKDLoss",
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
