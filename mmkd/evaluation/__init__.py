"""Metrics beside accuracy: is the student calibrated, and does it agree with its teacher?"""

from mmkd.evaluation.agreement import TeacherAgreement
from mmkd.evaluation.calibration import Calibration

__all__ = ["Calibration", "TeacherAgreement"]
