"""Wrong settings fail at build time, in words."""

import re

import pytest
import tiny
import torch
from torch import nn

from mmkd.registry import MODELS


class GramLoss(nn.Module):
    """A relational loss: it has no loss of a single sample."""

    def forward(self, student, teacher):
        return ((student @ student.T) - (teacher @ teacher.T)).square().mean()


MODELS.register_module(module=GramLoss, force=True)
KD = dict(type="mmkd.KDLoss")
SHIFT = dict(type="mmkd.KDLoss", target=dict(type="mmkd.ProbabilityShift"))
GREY = tiny.classifier(6)
GREY["backbone"]["in_channels"] = 1
MIXUP = dict(augments=dict(type="Mixup", alpha=0.8))
# Its ReLUs work in place.
RESNET = tiny.classifier(16)
RESNET["backbone"] = dict(type="mmpretrain.ResNet", depth=18, stem_channels=4, base_channels=4)
AT = dict(teacher="backbone.layer1", loss=dict(type="mmkd.ATLoss"))
BOTH = {side: ["backbone.bn1", "backbone.layer1"] for side in ("student", "teacher")}


def controlled(**arguments):
    """KD with a controller of the student's entropy."""
    return dict(KD, student_transforms=[dict(type="mmkd.EntropyController", **arguments)])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (dict(terms=dict(kd=dict(loss=KD, student="head.fcc"))), "Near matches: head.fc"),
        (dict(terms=dict(kd=dict(loss=KD, teacher="hed.fc"))), "no module 'hed.fc'"),
        (dict(terms=dict(kd=dict(loss=KD, teacher=dict(b="head.fc")))), "There are teacher"),
        (
            dict(terms=dict(kd=dict(loss=KD, wieght=2))),
            "'kd' has no setting 'wieght'.*'weight'",
        ),
        (dict(terms=dict(kd="mmkd.KDLoss")), "The term 'kd' is 'mmkd.KDLoss'"),
        (dict(terms={1: dict(loss=KD)}), "The term 1 is"),
        (dict(terms=dict(kd=dict(loss=dict(temperature=4.0)))), "names no type"),
        (dict(terms=dict(kd=dict(loss=KD, weight=float("nan")))), "weight .* is nan.* finite"),
        (dict(student_loss_weight=float("inf")), "student_loss_weight is inf.* finite"),
        (dict(terms={"k.d": dict(loss=KD)}), "cannot be called 'k.d'"),
        (dict(terms=dict(keys=dict(loss=KD))), "cannot be called 'keys'"),
        (dict(terms=dict(kd=dict(loss=KD, schedule=dict(decay=1)))), "decay needs an `end`"),
        (
            dict(terms=dict(kd=dict(loss=KD, schedule=dict(wramup=1)))),
            "no setting 'wramup'",
        ),
        (dict(logits=dict(student="head.fc")), "a tap for each of student, teacher"),
        (dict(logits="head:fc"), "is no tap"),
        (
            dict(teacher=dict(model=tiny.classifier(6), chekpoint="x")),
            "no setting 'chekpoint'",
        ),
        (dict(teacher=dict(model=tiny.classifier(6), ckpt="x")), "'ckpt'.*mean 'checkpoint'"),
        (dict(teacher=None, teachers=None), "Give either"),
        (dict(teacher=None, teachers={}), "Give either"),
        (dict(teachers=dict(student=dict(model=tiny.classifier()))), "called 'student'"),
        (dict(teacher=dict(model=tiny.classifier(6, classes=7))), "5 classes.*has 7.*class_map"),
        (
            dict(teacher=dict(model=tiny.classifier(6, classes=7), class_map=[9, 0, 1, 2, 3])),
            "class 9 of the teacher",
        ),
        (
            dict(
                teacher=dict(model=tiny.classifier(6, classes=2), class_map={0: 0, 1: 1}),
                terms=dict(ka=dict(loss=SHIFT)),
            ),
            "lacks some",
        ),
        (
            dict(student=tiny.classifier(train_cfg=MIXUP), terms=dict(ka=dict(loss=SHIFT))),
            "Mixup or CutMix",
        ),
        (
            dict(
                terms=dict(
                    hint=dict(
                        student=["backbone.layer1", "backbone.layer2"],
                        teacher="backbone.layer1",
                        loss=dict(type="mmkd.HintLoss"),
                    )
                )
            ),
            "must be pairs",
        ),
        (
            dict(
                terms=dict(
                    hint=dict(
                        student="head.fc", teacher="neck:input", loss=dict(type="mmkd.HintLoss")
                    )
                )
            ),
            "No connector for hint",
        ),
        (
            dict(
                terms=dict(
                    gram=dict(
                        loss=dict(type="mmkd.GramLoss"),
                        sample_weight=dict(type="mmkd.EntropyWeight"),
                    )
                )
            ),
            "no loss of a single sample",
        ),
        (
            dict(terms=dict(at=dict(AT, student=["backbone.layer1", "backbone.layer2"]))),
            "'at' cannot be computed.*needs pairs.*student 'backbone.layer1' \\(2, 4, 16, 16\\)",
        ),
        (dict(terms=dict(at=dict(AT, student="head.fc"))), "'at' cannot be.*tap a stage"),
        (
            dict(terms=dict(nst=dict(AT, student="neck", loss=dict(type="mmkd.NSTLoss")))),
            "'nst' cannot be.*tap a stage",
        ),
        (dict(terms=dict(kd=dict(loss=controlled(num_classes=4)))), "num_classes=4.*have 5"),
        (
            dict(terms=dict(kd=dict(loss=KD, student="backbone", teacher="backbone"))),
            "compares logits \\(N, C\\).*take a feature loss",
        ),
        (
            dict(student=RESNET, terms=dict(at=dict(AT, student="backbone.bn1"))),
            "student cannot be tapped.*'backbone.bn1' was changed in place.*inplace=False",
        ),
        (
            dict(teacher=dict(model=RESNET), terms=dict(at=dict(AT, **BOTH))),
            "teacher 'teacher' cannot be tapped.*'backbone.bn1' was changed in place",
        ),
        (dict(input_shape=(1, 16, 16)), "model.input_shape"),
        (dict(input_shape=(16, 16)), "input_shape is \\(16, 16\\).*channels, height and width"),
        (dict(teacher=dict(model=GREY)), "teacher 'teacher' cannot take.*other channels"),
    ],
    ids=lambda x: re.sub(r"\W+", "-", x) if isinstance(x, str) else "",
)
def test_it_fails_in_words(overrides, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        tiny.distiller(**overrides)


def test_another_class_count_is_no_matter_for_features():
    hint = dict(
        student="backbone.layer1", teacher="backbone.layer1", loss=dict(type="mmkd.HintLoss")
    )
    model = tiny.distiller(teacher=dict(model=tiny.classifier(6, classes=7)), terms=dict(hint=hint))
    assert tiny.losses_of(model)["loss_hint"] > 0


def test_trying_a_term_leaves_no_trace():
    """Neither in a moving average or batch norm, nor in what is logged, nor in random numbers."""
    hint = dict(
        student="backbone.layer1",
        teacher="backbone.layer1",
        loss=dict(type="mmkd.HintLoss"),
        connector=dict(type="mmkd.ConvBNReLUConnector"),
    )
    flsw = dict(KD, temperature=dict(type="mmkd.FLSWTemperature"))
    terms = dict(kd=dict(loss=controlled(momentum=0.5)), dtd=dict(loss=flsw), hint=hint)
    torch.manual_seed(0)
    model = tiny.distiller(terms=terms)
    assert model.terms["dtd"].loss.temperature.statistics() == {}
    assert model.terms["kd"].loss.student_transforms[0].average == 1
    counts = [v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")]
    assert not sum(counts)
    torch.manual_seed(0)
    plain = tiny.distiller()
    for key, value in plain.student.state_dict().items():
        assert torch.equal(value, model.student.state_dict()[key]), key


def test_a_relational_loss_without_weights_is_a_term():
    gram = dict(loss=dict(type="mmkd.GramLoss"))
    model = tiny.distiller(terms=dict(gram=gram))
    assert tiny.losses_of(model)["loss_gram"] > 0


def test_mixed_batches_train_kd_and_er():
    er = dict(loss=KD, sample_weight=dict(type="mmkd.EntropyAdaptiveWeight"))
    model = tiny.distiller(student=tiny.classifier(train_cfg=MIXUP), terms=dict(er=er))
    logged = tiny.train(model, steps=2)
    assert torch.stack([*logged.values()]).isfinite().all()
    assert logged["loss_er"] > 0


def test_a_missing_checkpoint_says_what_to_do():
    teacher = dict(model=tiny.classifier(6), checkpoint="work_dirs/gone.pth")
    with pytest.raises(FileNotFoundError, match=r"teacher 'teacher'.*gone\.pth.*Train it first"):
        tiny.distiller(teacher=teacher)


def reversible(**settings):
    """Config of a RevViT of two layers."""
    arch = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=16)
    backbone = dict(type="RevVisionTransformer", arch=arch, img_size=16, patch_size=4, **settings)
    head = dict(tiny.classifier()["head"], in_channels=32)
    return dict(tiny.classifier(), backbone=backbone, neck=None, head=head)


def test_layers_that_train_without_gradients_are_refused_with_the_setting_that_helps():
    """RevViT's reversible layers; they teach, and what follows them is distilled as ever."""
    inside = dict(student="backbone.layers.0[1]", teacher="backbone.layers.0[1]")
    terms = dict(hint=dict(inside, loss=dict(type="mmkd.HintLoss")))
    teacher = dict(model=reversible())
    with pytest.raises(ValueError, match=r"'hint' taps .* backbone\.no_custom_backward=True"):
        tiny.distiller(student=reversible(), teacher=teacher, terms=terms)
    student = reversible(no_custom_backward=True)
    model = tiny.distiller(student=student, teacher=teacher, terms=terms)
    tiny.losses_of(model)["loss_hint"].backward()
    assert model.student.backbone.patch_embed.projection.weight.grad.abs().sum() > 0
    tiny.distiller(student=reversible(), teacher=teacher)
