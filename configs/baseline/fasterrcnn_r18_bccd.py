_base_ = [
    "../_base_/models/scenes/fasterrcnn_r18.py",
    "../_base_/datasets/bccd_voc.py",
    "../_base_/schedules/scenes_12e.py",
    "mmdet::_base_/default_runtime.py",
]

model = dict(roi_head=dict(bbox_head=dict(num_classes=3)))
default_hooks = dict(checkpoint=dict(max_keep_ckpts=2))
auto_scale_lr = dict(enable=False, base_batch_size=4)
