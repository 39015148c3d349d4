_base_ = ["../_base_/pairs/retinanet_r101_r50.py", "../_base_/coco_1x_single_stage.py"]

mgd = dict(
    student="neck[:]",
    teacher="neck[:]",
    loss=dict(type="mmkd.MGDLoss", alpha=2e-5, mask_ratio=0.65),
)
model = dict(terms=dict(mgd=mgd))
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
