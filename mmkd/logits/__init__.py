"""Plug-ins of the logit pipeline: transforms, temperatures, targets."""

from mmkd.logits.flsw import FLSWTemperature
from mmkd.logits.probability_shift import ProbabilityShift
from mmkd.logits.softmax import entropy, tempered_log_softmax
from mmkd.logits.standardize import Standardize

__all__ = [
    "FLSWTemperature",
    "ProbabilityShift",
    "Standardize",
    "entropy",
    "tempered_log_softmax",
]
