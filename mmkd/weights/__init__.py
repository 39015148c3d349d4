"""Sample weights and teacher weights: detached tensors computed from logits or losses."""

from mmkd.weights.aekd_weight import AEKDWeight
from mmkd.weights.average_teachers import AverageTeachers
from mmkd.weights.camkd_weight import CAMKDWeight
from mmkd.weights.confidence_weight import ConfidenceWeight
from mmkd.weights.ddf_weight import DDFWeight
from mmkd.weights.entropy_adaptive_weight import EntropyAdaptiveWeight
from mmkd.weights.entropy_teacher_weight import EBKDWeight, EntropyTeacherWeight
from mmkd.weights.entropy_weight import EntropySampleWeight, EntropyWeight
from mmkd.weights.power_sum_weight import PowerSumWeight
from mmkd.weights.teacher_dropping import TeacherDropping
from mmkd.weights.teacher_weight import TeacherWeight
from mmkd.weights.wsld_weight import WSLDWeight

__all__ = [
    "AEKDWeight",
    "AverageTeachers",
    "CAMKDWeight",
    "ConfidenceWeight",
    "DDFWeight",
    "EBKDWeight",
    "EntropyAdaptiveWeight",
    "EntropySampleWeight",
    "EntropyTeacherWeight",
    "EntropyWeight",
    "PowerSumWeight",
    "TeacherDropping",
    "TeacherWeight",
    "WSLDWeight",
]
