"""Plug-ins of the logit pipeline: transforms, temperatures, targets."""

from mmkd.logits.entropy import entropy
from mmkd.logits.flsw import FLSWTemperature
from mmkd.logits.probability_shift import ProbabilityShift
from mmkd.logits.standardize import Standardize

__all__ = [
    "FLSWTemperature",
    "ProbabilityShift",
    "Standardize",
    "entropy",
]
