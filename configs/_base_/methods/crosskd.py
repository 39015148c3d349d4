# CrossKD: the student's features after the third of four convolutions of each tower go through the
# rest of the teacher's head. All places count. The divisor is that of mmdet's losses; for
# distributions of edges it is the sum of the weights.
places = dict(type="mmkd.DenseLocations", select="all", avg="positives")
classes = dict(
    cross="bbox_head.cls_convs.2",
    loss=dict(type="mmkd.QualityFocalKDLoss", beta=1.0, loss_weight=1.0),
    locations=places,
)
boxes = dict(cross="bbox_head.reg_convs.2", student="bbox_head[1][:]", teacher="bbox_head[1][:]")
confidence = dict(type="mmkd.ConfidenceWeight", of="teacher")
overlaps = dict(
    boxes,
    loss=dict(type="mmkd.BoxIoULoss", loss_weight=1.0),
    sample_weight=confidence,
    locations=places,
)
edges = dict(
    boxes,
    loss=dict(type="mmkd.LDLoss", temperature=1.0, bin_mean=False, loss_weight=4.0),
    sample_weight=dict(confidence, renormalize=True),
    locations=dict(type="mmkd.DenseLocations", select="all"),
)
method = dict(
    dense=dict(model=dict(terms=dict(crosskd=classes, crosskd_boxes=overlaps))),
    distributions=dict(model=dict(terms=dict(crosskd=classes, crosskd_boxes=edges))),
)
options = dict(
    weight="model.terms.crosskd.loss.loss_weight",
    beta="model.terms.crosskd.loss.beta",
    box_weight="model.terms.crosskd_boxes.loss.loss_weight",
)
del places, classes, boxes, confidence, overlaps, edges
