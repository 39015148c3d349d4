# MGD in its released settings: on the last map of classifiers, and on the levels of necks.
maps = dict(type="mmkd.MGDLoss", alpha=7e-5, mask_ratio=0.15, masked="channels")
roi = dict(type="mmkd.MGDLoss", alpha=5e-7, mask_ratio=0.45)
dense = dict(type="mmkd.MGDLoss", alpha=2e-5, mask_ratio=0.65)
levels = dict(student="@levels", teacher="@levels")
clipped = dict(clip_grad=dict(max_norm=35, norm_type=2))
method = dict(
    classifier=dict(model=dict(terms=dict(mgd=dict(student="@map", teacher="@map", loss=maps)))),
    roi=dict(model=dict(terms=dict(mgd=dict(**levels, loss=roi))), optim_wrapper=clipped),
    dense=dict(model=dict(terms=dict(mgd=dict(**levels, loss=dense))), optim_wrapper=clipped),
)
options = dict(alpha="model.terms.mgd.loss.alpha", mask_ratio="model.terms.mgd.loss.mask_ratio")
# Without the level that is pooled from the last one.
four = ["@levels[0]", "@levels[1]", "@levels[2]", "@levels[3]"]
published = dict(
    fasterrcnn_r101_r50_coco=dict(model=dict(terms=dict(mgd=dict(student=four, teacher=four)))),
    resnet50_mobilenet_v1_imagenet_256=dict(optim_wrapper=dict(clip_grad=dict(max_norm=5.0))),
    resnet20_resnet8_w8_fmnist8k=dict(model=dict(terms=dict(mgd=dict(loss=dict(alpha=5.6e-4))))),
)
del maps, roi, dense, levels, clipped, four
