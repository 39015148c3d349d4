"""Senseless terms on single-stage detectors are refused at build time, in words."""

import pytest
import tiny_dense as dense
import tiny_detectors as tiny

BINARY = dict(type="mmkd.BinaryKDLoss")
PLACES = dict(type="mmkd.DenseLocations")
QUERIES = dict(type="mmkd.MatchedQueries")
KD = dict(loss=BINARY, locations=PLACES)
LD = dict(student=dense.BOXES, teacher=dense.BOXES, loss=dict(type="mmkd.LDLoss"), locations=PLACES)
SOFTMAX = dict(loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=False))
FINER = dict(
    anchor_generator=dict(
        type="AnchorGenerator",
        octave_base_scale=4,
        scales_per_octave=2,
        ratios=[0.5, 1.0, 2.0],
        strides=[8, 16, 32, 64, 128],
    )
)
WIDER = {"anchor_generator": {**FINER["anchor_generator"], "scales_per_octave": 3}}
WIDER["anchor_generator"]["ratios"] = [0.3, 1.0, 3.0]


def refused(match: str, own=None, other=None, logits=dense.LOGITS, **term) -> None:
    terms = dict(kd={**KD, **term})
    with pytest.raises(ValueError, match=match):
        tiny.distiller(
            student=own or dense.retinanet(),
            teacher=dict(model=other or dense.retinanet()),
            logits=logits,
            terms=terms,
        )


@pytest.mark.parametrize(
    ("term", "match"),
    [
        (dict(loss=dict(type="mmkd.KDLoss")), r"made for a sigmoid. Take mmkd.BinaryKDLoss"),
        (
            dict(sample_weight=dict(type="mmkd.EntropyWeight")),
            r"EntropyWeight .* takes the softmax .* Give it activation='sigmoid'",
        ),
        (
            dict(sample_weight=dict(type="mmkd.WSLDWeight")),
            r"WSLDWeight .* takes the softmax .* or remove it",
        ),
        (
            dict(teacher_weight=dict(type="mmkd.EBKDWeight")),
            r"EBKDWeight .* takes the softmax .* Take mmkd.AverageTeachers",
        ),
        (dict(locations=None), r"Say at which places they are compared"),
        (dict(locations=QUERIES), r"RetinaNet, which has no queries"),
        (LD, r"LDLoss compares distributions .* \[4\]"),
        ({**LD, "locations": None}, r"give its term .*DenseLocations"),
        (dict(student="neck[:]", teacher="neck[:]"), r"no dense head"),
        (dict(student="backbone.conv1", teacher="backbone.conv1"), r"no dense head"),
        (dict(student="bbox_head[0][0]", teacher="bbox_head[0][0]",
              sample_weight=dict(type="mmkd.EntropyWeight", activation="sigmoid")),
         r"tap all of them, such as 'bbox_head\[:\]'"),
        (dict(student="backbone.conv1", teacher="backbone.conv1"), r"Tap what a dense head gives"),
        (
            dict(loss=dict(type="mmkd.SPLoss"), locations=dict(PLACES, avg="positives")),
            r"compares relations",
        ),
    ],
)  # fmt: skip
def test_terms(term, match):
    refused(match, **term)


@pytest.mark.parametrize(
    ("student", "teacher", "match"),
    [
        (dense.retinanet, dense.yolox, r"sizes 8x8, .*have 8x8, 4x4, 2x2"),
        (dense.retinanet, dense.atss, r"\[9, 9, 9, 9, 9\] priors .* \[1, 1, 1, 1, 1\]"),
        (dense.retinanet, lambda: dense.retinanet(18, **FINER), r"\[6, 6, 6, 6, 6\]"),
        (dense.retinanet, lambda: dense.retinanet(18, **WIDER), r"anchors .* differ"),
        (dense.atss, lambda: dense.gfl(18, num_classes=5), r"4 classes .* 5 classes"),
        (
            dense.retinanet,
            lambda: dense.retinanet(18, **SOFTMAX),
            r"for a sigmoid with those of the teacher 'teacher', for a softmax",
        ),
    ],
)
def test_pairs(student, teacher, match):
    refused(match, student(), teacher())


def test_a_binary_loss_of_a_softmax():
    softmax = dense.retinanet(18, **SOFTMAX)
    refused(r"made for a softmax. Take mmkd.KDLoss", softmax, softmax)


def test_distributions_of_other_lengths():
    refused(r"\[36, 68\]", dense.gfl(), dense.gfl(18, reg_max=8), **LD)


@pytest.mark.parametrize("make", [dense.yolox, dense.yolov3])
def test_confidence_without_objectness(make):
    locations = dict(PLACES, select="confident")
    refused(r"beside an objectness", make(), make(), locations=locations)


def test_a_part_of_the_levels():
    levels = ["bbox_head[0][0]", "bbox_head[0][1]"]
    message = r"RetinaHead assigns labels on 5 levels, but the term taps 2 .* 'bbox_head\[0\]\[:\]'"
    refused(message, logits=levels)
    # YOLOv3 gives one tuple of maps, of which this is the first.
    refused(r"YOLOV3Head assigns labels on 3 levels", dense.yolov3(), dense.yolov3())


@pytest.mark.parametrize("places", [PLACES, dict(PLACES, select="all", avg="positives")])
def test_labels_where_a_head_assigns_none(places):
    message = r"FreeAnchorRetinaHead assigns no class .* select='confident', avg='selected'\)"
    refused(message, dense.free_anchor(), dense.free_anchor(), locations=places)


def test_a_head_without_priors():
    model = dense.centernet()
    refused(r"but CenterNetHead has no prior_generator: .* Compare features", model, model)


def test_rois_of_a_dense_detector():
    refused(r"RetinaNet has no module 'roi_head", logits=tiny.FC)


def test_dense_locations_of_queries():
    model = dense.detr()
    refused(r"DETR, whose queries lie at no locations", model, model, loss=dict(type="mmkd.KDLoss"))


def test_queries_have_the_labels_of_their_objects():
    model = dense.deformable_detr()
    refused(r"remove its `labels`", model, model, "bbox_head[0]", locations=QUERIES, labels="neck")


def test_queries_need_a_matcher():
    model = dense.deformable_detr()
    model["train_cfg"] = None
    refused(r"train_cfg with an assigner", model, model, "bbox_head[0]", locations=QUERIES)
