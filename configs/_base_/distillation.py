# What belongs around every distillation run.
custom_hooks = [
    dict(type="mmkd.StepCheckHook"),
    dict(type="mmkd.TeacherEvaluationHook"),
    dict(type="mmkd.StatisticsHook", interval=10),
    dict(type="mmkd.StudentCheckpointHook"),
    dict(type="mmkd.DatasetLabelsHook"),
    dict(type="mmkd.ParaphraserHook"),
]
