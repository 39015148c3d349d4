_base_ = [
    "../_base_/models/scenes/fasterrcnn_r18.py",
    "../_base_/datasets/scenes_coco.py",
    "../_base_/schedules/scenes_12e.py",
    "mmdet::_base_/default_runtime.py",
]

default_hooks = dict(checkpoint=dict(max_keep_ckpts=2))
