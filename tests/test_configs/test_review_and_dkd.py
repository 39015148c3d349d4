"""ReviewKD's and DKD's configs have the settings and the levels of the released code."""

import mmkd  # noqa: F401

# isort: split
import pytest
from config_files import composed

from mmkd.registry import MODELS

# By pair: ReviewKD's weight, channels of the student's features and of the teacher's; DKD's beta,
# and the one that ER-DKD lowers it to.
X4, WRN = [64, 128, 256, 256], [32, 64, 128, 128]
VGG, RESNET50 = [128, 256, 512, 512, 512], [256, 512, 1024, 2048, 2048]
PAIRS = {
    "resnet32x4_resnet8x4": (5.0, X4, X4, 8.0, 3.0),
    "resnet32x4_ShuffleV2": (8.0, [116, 232, 464, 1024], X4, 8.0, 3.0),
    "wrn_40_2_wrn_16_2": (5.0, WRN, WRN, 6.0, 2.0),
    "wrn_40_2_wrn_40_1": (5.0, [16, 32, 64, 64], WRN, 6.0, 2.0),
    "vgg13_vgg8": (5.0, VGG, VGG, 6.0, 2.0),
    "vgg13_MobileNetV2": (5.0, [12, 16, 48, 160, 1280], VGG, 6.0, 2.0),
    "ResNet50_MobileNetV2": (5.0, [12, 16, 48, 160, 1280], RESNET50, 8.0, 3.0),
}
BOX_WEIGHTS = {"r101_r18": 1.2, "r101_r50": 1.0, "r50_mv2": 2.0}


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_the_levels_are_the_released_codes(pair):
    _, students, teachers, *_ = PAIRS[pair]
    config = composed(f"{pair}_cifar100", "reviewkd")
    config.model.teacher.checkpoint = None
    model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
    levels = model.terms["reviewkd"].connectors["teacher"].levels
    assert [level.reduce[0].in_channels for level in levels] == students
    assert [level.expand[0].out_channels for level in levels] == teachers
    assert levels[0].reduce[0].out_channels == min(512, students[-1])


@pytest.mark.parametrize("pair", PAIRS)
def test_weights_on_cifar_100(pair):
    weight, _, _, beta, lowered = PAIRS[pair]
    for method in ("reviewkd", "erkd_reviewkd", "eakd_reviewkd"):
        term = composed(f"{pair}_cifar100", method).model.terms.reviewkd
        assert (term.weight, term.schedule.warmup) == (weight, 20)
    betas = dict(dkd=beta, erkd_dkd=lowered, eakd_dkd=beta)
    for method, expected in betas.items():
        term = composed(f"{pair}_cifar100", method).model.terms.dkd
        assert (term.loss.alpha, term.loss.beta, term.loss.temperature) == (1.0, expected, 4.0)
        assert term.schedule.warmup == 20


@pytest.mark.parametrize("schedule", ["", "_180k"])
@pytest.mark.parametrize("pair", BOX_WEIGHTS)
def test_weights_on_coco(pair, schedule):
    name, methods = f"fasterrcnn_{pair}{schedule}_coco", ("reviewkd", "dkd", "reviewkd_dkd")
    terms = {method: composed(name, method).model.terms for method in methods}
    assert terms["reviewkd"].keys() | terms["dkd"].keys() == terms["reviewkd_dkd"].keys()
    assert terms["reviewkd"].reviewkd == terms["reviewkd_dkd"].reviewkd
    assert terms["dkd"].dkd == terms["reviewkd_dkd"].dkd
    assert terms["reviewkd"].reviewkd.weight == BOX_WEIGHTS[pair]
    loss = terms["dkd"].dkd.loss
    assert (loss.alpha, loss.beta, loss.temperature) == (1.0, 0.25, 1.0)
