"""A network whose deepest classifier teaches its branches."""

import pytest
import torch
from mmengine.config import Config
from runs import equal
from tiny import PREPROCESSOR, batch, classifier, losses_of

from mmkd.distillers.base import build_student
from mmkd.distillers.self_distiller import _Branch
from mmkd.engine.student_config import student_config
from mmkd.networks.building import build_network, network_config
from mmkd.networks.student import student_checkpoint
from mmkd.registry import MODELS

STAGES = dict(one="backbone.layer1", two="backbone.layer2")
KD = dict(loss=dict(type="mmkd.KDLoss", temperature=3.0), weight=0.1)
HINT = dict(student="neck", teacher="neck", loss=dict(type="mmkd.HintLoss"), weight=0.5)
NO_NECK = dict(
    type="mmpretrain.ImageClassifier",
    backbone=dict(type="mmpretrain.VisionTransformer", arch="deit-tiny", img_size=16, patch_size=8),
    head=dict(type="VisionTransformerClsHead", num_classes=5, in_channels=192),
)


def own_teacher(**overrides):
    """Build and initialise a self-distiller with two branches."""
    config = dict(
        student=classifier(),
        branches=STAGES,
        branch_loss_weight=0.9,
        terms=dict(kd=KD, hint=HINT),
        input_shape=(3, 16, 16),
        data_preprocessor=dict(PREPROCESSOR),
    )
    model = MODELS.build(dict(type="mmkd.SelfDistiller", **{**config, **overrides}))
    model.init_weights()
    for weight in model.parameters():  # logits that differ
        torch.nn.init.normal_(weight, std=0.5, generator=torch.Generator().manual_seed(0))
    return model


def observed(model):
    """The losses of a batch, and what was computed in that step."""
    steps = []
    handle = model.observe(steps.append)
    losses = losses_of(model)
    handle.remove()
    return losses, steps[0]


def test_every_branch_learns_labels_and_the_deepest_output_and_feature():
    model = own_teacher()
    losses, step = observed(model)
    assert [*losses] == [
        *("loss", "one.loss", "two.loss"),
        *("loss_one_kd", "loss_one_hint", "loss_two_kd", "loss_two_hint"),
    ]
    labels = torch.cat([sample.gt_label for sample in batch()["data_samples"]])
    deepest = step.student_logits.detach().double()
    for name, logits in step.teacher_logits.items():
        logits = logits.detach().double()
        ce = torch.nn.functional.cross_entropy(logits, labels)
        assert losses[f"{name}.loss"].item() == pytest.approx(0.9 * ce.item(), rel=1e-4)
        own, theirs = ((x / 3).log_softmax(1) for x in (logits, deepest))
        kl = 9 * (theirs.exp() * (theirs - own)).sum(1).mean()
        assert losses[f"loss_{name}_kd"].item() == pytest.approx(0.1 * kl.item(), rel=1e-4)
        pooled = [
            next(v for tap, v in step.features[k].items() if tap.path == "neck").detach().double()
            for k in (name, "student")
        ]
        hint = (pooled[0] - pooled[1]).square().mean()
        assert losses[f"loss_{name}_hint"].item() == pytest.approx(0.5 * hint.item(), rel=1e-4)


def test_the_deepest_part_learns_nothing_from_its_branches_and_the_stages_do():
    model = own_teacher()
    losses = losses_of(model)
    terms = sum(value for name, value in losses.items() if name not in ("loss",))
    deep = [*model.student.backbone.layer3.parameters(), *model.student.head.parameters()]
    found = torch.autograd.grad(terms, deep, retain_graph=True, allow_unused=True)
    assert all(gradient is None for gradient in found)
    early = [*model.student.backbone.layer1.parameters()]
    assert all(g.abs().sum() > 0 for g in torch.autograd.grad(terms, early))


def test_every_parameter_is_trained():
    model = own_teacher()
    sum(value for name, value in losses_of(model).items()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_network_begins_as_it_does_alone():
    torch.manual_seed(3)
    alone = build_student(classifier(), dict(PREPROCESSOR))
    alone.init_weights()
    torch.manual_seed(3)
    config = dict(type="mmkd.SelfDistiller", student=classifier(), branches=STAGES)
    model = MODELS.build(config | dict(terms=dict(kd=KD), data_preprocessor=dict(PREPROCESSOR)))
    model.init_weights()
    assert equal(model.student.state_dict(), alone.state_dict())
    heads = [model.student.head, *(branch.head for branch in model.branches.values())]
    assert len({float(head.fc.weight.detach().sum()) for head in heads}) == 3


def test_the_branches_stay_out_of_predictions_and_of_the_students_file():
    model = own_teacher().eval()
    data = model.data_preprocessor(batch(), False)
    plain = build_network(network_config(classifier()))
    plain.load_state_dict(student_checkpoint(dict(state_dict=model.state_dict()))["state_dict"])
    alone = plain.eval()(**data, mode="predict")
    for sample, other in zip(model(**data, mode="predict"), alone, strict=True):
        assert torch.equal(sample.pred_score, other.pred_score)
    exported = student_config(Config.fromfile("mmkd::byot/resnet8_w8_resnet8_w8_fmnist8k.py"))
    assert exported.model.type == "mmpretrain.ImageClassifier"


def test_a_term_of_weight_zero_is_left_out_and_one_may_have_a_sample_weight():
    weight = dict(type="mmkd.EntropyWeight", temperature=3.0)
    model = own_teacher(terms=dict(kd=KD | dict(sample_weight=weight), hint=HINT | dict(weight=0)))
    assert [*model.terms] == ["one_kd", "two_kd"]
    _, step = observed(model)
    assert step.terms["two_kd"].weight.shape == (1, 4)
    assert step.trained == dict(one_kd="one", two_kd="two")


def test_features_of_other_shapes_are_connected():
    terms = dict(map=dict(HINT, student="bottleneck.0", teacher="backbone"))
    model = own_teacher(terms=terms)
    losses, step = observed(model)
    own = [value for tap, value in step.features["one"].items() if tap.path == "bottleneck.0"]
    deepest = [value for tap, value in step.features["student"].items() if tap.path == "backbone"]
    [connected] = model.terms["one_map"].connectors["deepest"](own, deepest)
    expected = 0.5 * (connected - deepest[0]).square().mean()
    assert losses["loss_one_map"].item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(branches={}), "0 branches"),
        (dict(student=NO_NECK), "with the neck and the head"),
        (dict(branches=dict(one="backbone.layer7")), "Near matches: backbone.layer3"),
        (dict(branches=dict(one="neck")), "leads from a stage's map"),
        (dict(branches=dict(student="backbone.layer1")), "called 'student'"),
        (dict(terms=dict(kd=dict(KD, student="head.fcc"))), "Near matches: head.fc"),
        (dict(terms=dict(kd=dict(KD, teacher="neck"))), "cannot be computed"),
        (
            dict(terms=dict(kd=dict(KD, wait=1))),
            "no setting 'wait'. Did you mean 'weight'",
        ),
        (dict(terms=dict(kd=dict(KD, locations=dict(type="mmkd.DenseLocations")))), "alone"),
        (dict(terms=dict(kd=dict(KD, labels="head.fc"))), "alone"),
        (dict(terms=dict(sim=dict(HINT, loss=dict(type="mmkd.SimKDLoss")))), "alone"),
    ],
)
def test_what_cannot_work_is_said_at_build_time(settings, words):
    with pytest.raises(ValueError, match=words):
        own_teacher(**settings)


@pytest.mark.parametrize("stage", [(2, 8, 6, 6), (2, 8, 8, 4), (2, 8, 4, 8), (2, 8, 16)])
def test_a_stage_whose_size_the_last_map_does_not_divide_is_refused(stage):
    with pytest.raises(ValueError, match="size divides its own") as error:
        _Branch("one", None, stage, (2, 16, 4, 4))
    assert f"their shapes are {stage} and (2, 16, 4, 4)" in str(error.value)
