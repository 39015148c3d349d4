_base_ = ["../_base_/pairs/fasterrcnn_r101_r50.py", "../_base_/coco_1x.py"]

levels = [f"neck[{level}]" for level in range(4)]
mgd = dict(
    student=levels,
    teacher=levels,
    loss=dict(type="mmkd.MGDLoss", alpha=5e-7, mask_ratio=0.45),
)
model = dict(terms=dict(_delete_=True, mgd=mgd))
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
