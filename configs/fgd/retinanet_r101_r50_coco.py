_base_ = ["../_base_/pairs/retinanet_r101_r50.py", "../_base_/coco_1x_single_stage.py"]

fgd = dict(
    student="neck[:]",
    teacher="neck[:]",
    loss=dict(type="mmkd.FGDLoss", alpha=1e-3, beta=5e-4, gamma=5e-4, lambda_=5e-6),
)
model = dict(terms=dict(fgd=fgd))
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
