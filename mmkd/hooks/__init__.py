"""MMEngine hooks around a distillation run."""

from mmkd.hooks.best_and_last_hook import BestAndLastHook
from mmkd.hooks.data_check_hook import DataCheckHook, DataError
from mmkd.hooks.dataset_labels_hook import DatasetLabelsHook
from mmkd.hooks.exact_resume_hook import ExactResumeHook
from mmkd.hooks.finite_guard_hook import FiniteGuardHook, NonFiniteError
from mmkd.hooks.hang_guard_hook import HangGuardHook
from mmkd.hooks.importance_hook import ImportanceHook
from mmkd.hooks.keep_checkpoints_hook import KeepCheckpointsHook
from mmkd.hooks.late_log_hook import LateLogHook
from mmkd.hooks.mean_teacher_hook import MeanTeacherHook
from mmkd.hooks.memory_format_hook import MemoryFormatHook
from mmkd.hooks.missed_validation_hook import MissedValidationHook
from mmkd.hooks.module_statistics import module_statistics
from mmkd.hooks.paraphraser_hook import ParaphraserHook
from mmkd.hooks.run_record_hook import ResumeMismatchError, RunRecordHook
from mmkd.hooks.run_summary_hook import RunSummaryHook
from mmkd.hooks.statistics_hook import StatisticsHook
from mmkd.hooks.step_check_hook import StepCheckError, StepCheckHook
from mmkd.hooks.stop_hook import StopHook, StoppedError
from mmkd.hooks.student_checkpoint_hook import StudentCheckpointHook
from mmkd.hooks.teacher_evaluation_hook import TeacherEvaluationHook

__all__ = [
    "BestAndLastHook",
    "DataCheckHook",
    "DataError",
    "DatasetLabelsHook",
    "ExactResumeHook",
    "FiniteGuardHook",
    "HangGuardHook",
    "ImportanceHook",
    "KeepCheckpointsHook",
    "LateLogHook",
    "MeanTeacherHook",
    "MemoryFormatHook",
    "MissedValidationHook",
    "NonFiniteError",
    "ParaphraserHook",
    "ResumeMismatchError",
    "RunRecordHook",
    "RunSummaryHook",
    "StatisticsHook",
    "StepCheckError",
    "StepCheckHook",
    "StopHook",
    "StoppedError",
    "StudentCheckpointHook",
    "TeacherEvaluationHook",
    "module_statistics",
]
