"""Metrics besides accuracy: calibration of the student, and agreement with its teacher."""

from mmkd.evaluation.agreement import TeacherAgreement
from mmkd.evaluation.calibration import Calibration

__all__ = ["Calibration", "TeacherAgreement"]
