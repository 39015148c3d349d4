# PKD on the levels of the neck; to use it on the last map of a classifier is our interpretation.
maps = dict(student="@map", teacher="@map", loss=dict(type="mmkd.PKDLoss", loss_weight=6.0))
roi = dict(maps, student="@levels", teacher="@levels")
dense = dict(roi, loss=dict(type="mmkd.PKDLoss", loss_weight=10.0))
method = dict(
    classifier=dict(model=dict(terms=dict(pkd=maps))),
    roi=dict(model=dict(terms=dict(pkd=roi))),
    dense=dict(model=dict(terms=dict(pkd=dense))),
)
options = dict(weight="model.terms.pkd.loss.loss_weight")
# Without the level that is pooled from the last one.
four = ["@levels[0]", "@levels[1]", "@levels[2]", "@levels[3]"]
published = {
    f"{pair}_r101_r50_coco": dict(model=dict(terms=dict(pkd=dict(student=four, teacher=four))))
    for pair in ("fasterrcnn", "retinanet")
}
del maps, roi, dense, four
