# FGD in its released settings, on the levels of necks.
two_stage = dict(type="mmkd.FGDLoss", alpha=5e-5, beta=2.5e-5, gamma=5e-5, lambda_=5e-7)
one_stage = dict(type="mmkd.FGDLoss", alpha=1e-3, beta=5e-4, gamma=5e-4, lambda_=5e-6)
levels = dict(student="@levels", teacher="@levels")
clipped = dict(clip_grad=dict(max_norm=35, norm_type=2))
method = dict(
    roi=dict(model=dict(terms=dict(fgd=dict(**levels, loss=two_stage))), optim_wrapper=clipped),
    dense=dict(model=dict(terms=dict(fgd=dict(**levels, loss=one_stage))), optim_wrapper=clipped),
)
options = {name: f"model.terms.fgd.loss.{name}" for name in ("alpha", "beta", "gamma", "lambda_")}
# Without the level that is pooled from the last one.
four = ["@levels[0]", "@levels[1]", "@levels[2]", "@levels[3]"]
published = dict(
    fasterrcnn_r101_r50_coco=dict(model=dict(terms=dict(fgd=dict(student=four, teacher=four))))
)
del two_stage, one_stage, levels, clipped, four
