"""Distillers: models that train networks by terms."""

from mmkd.distillers.base import BaseDistiller, Step
from mmkd.distillers.cohort import Cohort
from mmkd.distillers.distiller import Distiller
from mmkd.distillers.mutual_distiller import MutualDistiller
from mmkd.distillers.self_distiller import SelfDistiller

__all__ = ["BaseDistiller", "Cohort", "Distiller", "MutualDistiller", "SelfDistiller", "Step"]
