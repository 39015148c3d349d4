"""MMEngine hooks around a distillation run."""

from mmkd.hooks.best_and_last_hook import BestAndLastHook
from mmkd.hooks.dataset_labels_hook import DatasetLabelsHook
from mmkd.hooks.exact_resume_hook import ExactResumeHook
from mmkd.hooks.mean_teacher_hook import MeanTeacherHook
from mmkd.hooks.module_statistics import module_statistics
from mmkd.hooks.statistics_hook import StatisticsHook
from mmkd.hooks.step_check_hook import StepCheckError, StepCheckHook
from mmkd.hooks.student_checkpoint_hook import StudentCheckpointHook
from mmkd.hooks.teacher_evaluation_hook import TeacherEvaluationHook

__all__ = [
    "BestAndLastHook",
    "DatasetLabelsHook",
    "ExactResumeHook",
    "MeanTeacherHook",
    "StatisticsHook",
    "StepCheckError",
    "StepCheckHook",
    "StudentCheckpointHook",
    "TeacherEvaluationHook",
    "module_statistics",
]
