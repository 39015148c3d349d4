# MS-COCO in mmdet's 1x schedule: 12 epochs, 8 processes with 2 images each.
_base_ = [
    "mmdet::_base_/datasets/coco_detection.py",
    "mmdet::_base_/schedules/schedule_1x.py",
    "mmdet::_base_/default_runtime.py",
    "./distillation.py",
]

custom_imports = dict(imports=["mmkd"], allow_failed_imports=False)
