"""Plug-ins of the logit pipeline: transforms, temperatures, targets."""

from mmkd.logits.curriculum_temperature import CurriculumTemperature
from mmkd.logits.cwsm import CWSMTemperature
from mmkd.logits.decouple import non_target, target_split
from mmkd.logits.deviation_temperature import DeviationTemperature
from mmkd.logits.dynamic_temperature import DynamicTemperature
from mmkd.logits.entropy import binary_entropy, entropy
from mmkd.logits.entropy_controller import EntropyController
from mmkd.logits.flsw import FLSWTemperature
from mmkd.logits.knowledge_adjustment import KnowledgeAdjustment
from mmkd.logits.label_smooth_replace import LabelSmoothReplace
from mmkd.logits.minifinetuning import Minifinetuning
from mmkd.logits.probability_shift import ProbabilityShift
from mmkd.logits.solved_entropy_controller import SolvedEntropyController
from mmkd.logits.standardize import Standardize

__all__ = [
    "CWSMTemperature",
    "CurriculumTemperature",
    "DeviationTemperature",
    "DynamicTemperature",
    "EntropyController",
    "FLSWTemperature",
    "KnowledgeAdjustment",
    "LabelSmoothReplace",
    "Minifinetuning",
    "ProbabilityShift",
    "SolvedEntropyController",
    "Standardize",
    "binary_entropy",
    "entropy",
    "non_target",
    "target_split",
]
