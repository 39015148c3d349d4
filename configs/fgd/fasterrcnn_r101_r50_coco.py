_base_ = ["../_base_/pairs/fasterrcnn_r101_r50.py", "../_base_/coco_1x.py"]

levels = [f"neck[{level}]" for level in range(4)]
fgd = dict(
    student=levels,
    teacher=levels,
    loss=dict(type="mmkd.FGDLoss", alpha=5e-5, beta=2.5e-5, gamma=5e-5, lambda_=5e-7),
)
model = dict(terms=dict(_delete_=True, fgd=fgd))
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
