"""Networks that learn from each other."""

from copy import deepcopy

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from runs import equal
from tiny import PREPROCESSOR, batch, classifier, losses_of, train

from mmkd.distillers.base import build_student
from mmkd.engine.student_config import student_config
from mmkd.networks.building import build_network, network_config
from mmkd.networks.student import student_checkpoint
from mmkd.registry import MODELS

ENTROPY = dict(type="mmkd.EntropyWeight", temperature=2.0)
OTHER = PREPROCESSOR | dict(mean=[0.0, 0.0, 0.0])
MIXUP = dict(train_cfg=dict(augments=dict(type="Mixup", alpha=0.2)))
LABELS = dict(loss=dict(type="mmkd.DKDLoss"))


def mutual(students=None, **overrides):
    """Build and initialise mutual learners, three by default."""
    students = students or dict(a=classifier(), b=classifier(6), c=classifier())
    config = dict(students=students, input_shape=(3, 16, 16), data_preprocessor=PREPROCESSOR)
    model = MODELS.build(dict(type="mmkd.MutualDistiller", **{**config, **overrides}))
    model.init_weights()
    for weight in model.parameters():  # logits that differ
        torch.nn.init.normal_(weight, std=0.5, generator=torch.Generator().manual_seed(0))
    return model


def reference(logits, name, weigh=lambda own, other: 1.0):
    """The mean over the others of KL(p_j || p_k), in float64."""
    own = logits[name].detach().double().log_softmax(1)
    kls = []
    for other in (v.detach().double().log_softmax(1) for k, v in logits.items() if k != name):
        kl = (other.exp() * (other - own)).sum(1)
        kls.append((weigh(own, other) * kl).mean())
    return sum(kls) / len(kls)


def observed(model):
    """The losses of a batch, and the logits of all networks in that step."""
    steps = []
    handle = model.observe(steps.append)
    losses = losses_of(model)
    handle.remove()
    [step] = steps
    return losses, dict(a=step.student_logits, **step.teacher_logits), step


def test_each_network_has_its_own_loss_and_the_mean_divergence_from_the_others():
    losses, logits, _ = observed(mutual())
    assert [*losses] == [
        *("a.loss", "b.loss", "c.loss"),
        *(f"loss_{name}_mutual" for name in "abc"),
    ]
    for name in "abc":
        expected = reference(logits, name)
        assert expected > 0.01
        assert losses[f"loss_{name}_mutual"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_gradient_on_each_networks_logits_is_that_of_dmls_formula():
    """Derived from the paper, as its code is of another framework: with the classes' one-hot Y,
    cross-entropy and mean divergence give (P_k - Y) / N + (P_k - mean of the others' P_j) / N.
    """
    model, caught = mutual(), {}

    def catch(name):
        def hook(module, inputs, output):
            output.retain_grad()
            caught[name] = output

        return hook

    for name, network in model.networks.items():
        network.head.fc.register_forward_hook(catch(name))
    data = batch()
    losses = losses_of(model, data)
    sum(losses.values()).backward()
    labels = torch.cat([sample.gt_label for sample in data["data_samples"]])
    truth = torch.nn.functional.one_hot(labels, 5).double()
    outputs = {name: logits.detach().double().softmax(1) for name, logits in caught.items()}
    for name, own in outputs.items():
        others = sum(output for other, output in outputs.items() if other != name) / 2
        expected = ((own - truth) + (own - others)) / len(labels)
        torch.testing.assert_close(caught[name].grad.double(), expected, rtol=1e-4, atol=1e-6)


def test_a_sample_weight_weighs_each_pair():
    losses, logits, _ = observed(mutual(sample_weight=ENTROPY, weight=0.5))
    weigh = MODELS.build(ENTROPY)
    for name in "abc":
        expected = 0.5 * reference(logits, name, weigh)
        assert losses[f"loss_{name}_mutual"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_each_loss_trains_its_own_network_alone():
    model = mutual()
    losses = losses_of(model)
    for name in model.networks:
        for other, network in model.networks.items():
            parameters = [*network.parameters()]
            for loss in (losses[f"{name}.loss"], losses[f"loss_{name}_mutual"]):
                found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
                assert all(g is None for g in found) == (name != other)


def test_the_observers_see_which_network_a_term_trains():
    _, _, step = observed(mutual())
    assert step.trained == dict(a_mutual="student", b_mutual="b", c_mutual="c")
    assert [*step.features] == ["student", "b", "c"]


def test_the_log_has_the_total_and_every_loss():
    model = mutual()
    losses = losses_of(model)
    total, log = model.parse_losses(losses)
    assert total.item() == pytest.approx(sum(v.item() for v in losses.values()), rel=1e-5)
    assert [*log] == ["loss", *losses]


def test_with_weight_zero_the_first_network_is_trained_as_alone():
    def trained(model):
        torch.manual_seed(0)
        train(model)
        return model

    alone = build_student(classifier(), dict(PREPROCESSOR))
    model = mutual(weight=0.0)
    assert not model.terms
    alone.load_state_dict(model.student.state_dict())
    assert equal(trained(model).student.state_dict(), trained(alone).state_dict())


def test_the_first_network_begins_as_it_does_alone_and_the_others_differ():
    torch.manual_seed(3)
    alone = build_student(classifier(), dict(PREPROCESSOR))
    alone.init_weights()
    torch.manual_seed(3)
    same = dict(a=classifier(), b=classifier(), c=classifier())
    model = MODELS.build(
        dict(type="mmkd.MutualDistiller", students=same, data_preprocessor=PREPROCESSOR)
    )
    model.init_weights()
    assert equal(model.student.state_dict(), alone.state_dict())
    firsts = [network.backbone.conv1.weight for network in model.networks.values()]
    assert len({float(weight.sum()) for weight in firsts}) == 3


def test_every_parameter_is_there_once_and_the_first_network_is_the_student():
    model = mutual()
    names = [name for name, _ in model.named_parameters()]
    assert len(names) == sum(len([*n.parameters()]) for n in model.networks.values())
    assert {name.split(".")[0] for name in model.state_dict()} == {"student", "peers"}
    plain = build_network(network_config(classifier()))
    plain.load_state_dict(student_checkpoint(dict(state_dict=model.state_dict()))["state_dict"])
    other = mutual()
    other.load_state_dict(plain.state_dict(), strict=False)
    assert equal(other.student.state_dict(), model.student.state_dict())


def test_it_predicts_as_the_first_network_does():
    model = mutual().eval()
    data = model.data_preprocessor(batch(), False)
    scores = [sample.pred_score for sample in model(**data, mode="predict")]
    alone = model.student(**data, mode="predict")
    assert all(torch.equal(s, a.pred_score) for s, a in zip(scores, alone, strict=True))
    assert torch.equal(
        model(data["inputs"], mode="tensor")[0], model.student(data["inputs"], mode="tensor")[0]
    )


def test_all_networks_have_the_first_ones_preprocessor():
    model = mutual()
    assert all(n.data_preprocessor is model.data_preprocessor for n in model.networks.values())


def test_the_schedule_decides_when_the_networks_learn_from_each_other():
    hub = MessageHub.get_current_instance()
    model = mutual(schedule=dict(begin=1, warmup=2))
    hub.update_info("epoch", 0)
    before = losses_of(model)
    assert before["loss_a_mutual"] == 0
    hub.update_info("epoch", 1)
    losses, logits, _ = observed(model)
    hub.update_info("epoch", 0)
    expected = 0.5 * reference(logits, "a")
    assert losses["loss_a_mutual"].item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("loss", ["DKDLoss", "DISTLoss"])
def test_other_logit_losses_are_taken(loss):
    settings = dict(type=f"mmkd.{loss}")
    losses, logits, _ = observed(mutual(dict(a=classifier(), b=classifier(6)), loss=settings))
    given = logits["b"].detach(), logits["a"].detach()
    labels = torch.cat([sample.gt_label for sample in batch()["data_samples"]])
    expected = MODELS.build(settings)(*given, **(dict(labels=labels) if loss == "DKDLoss" else {}))
    torch.testing.assert_close(losses["loss_b_mutual"].detach(), expected)


def test_bfloat16_autocast_computes_the_losses_in_float32():
    model = mutual()
    exact = losses_of(deepcopy(model))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = losses_of(model)
    assert losses["loss_a_mutual"].dtype == torch.float32
    for name, value in exact.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=0.1, abs=0.05)


def test_the_config_of_the_first_network_is_exported():
    config = Config.fromfile("mmkd::dml/resnet20_resnet8_w8_fmnist8k.py")
    alone = Config.fromfile("mmkd::baseline/resnet8_w8_fmnist8k.py")
    exported = student_config(config)
    assert exported.model.backbone == alone.model.backbone
    assert network_config("mmkd::dml/resnet20_resnet8_w8_fmnist8k.py")["type"] == (
        "mmpretrain.ImageClassifier"
    )
    assert not any("StudentCheckpoint" in hook.type for hook in exported.custom_hooks)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(students=dict(a=classifier())), "at least two networks"),
        (dict(students=dict(student=classifier(), b=classifier())), "called 'student'"),
        (dict(students={"a": classifier(), "b.c": classifier()}), "called 'b.c'"),
        (dict(students=dict(a=classifier(), lossy=classifier())), "called 'lossy'"),
        (dict(students=dict(a=classifier(), pop=classifier())), "called 'pop'"),
        (dict(students=dict(a=classifier(), b=classifier(classes=7))), "5 of 'a', 7 of 'b'"),
        (dict(logits="head.fcc"), "Near matches: head.fc"),
        (dict(logits=dict(a="head.fc", b="head.fc")), "a tap for each of a, b, c"),
        (dict(logits=["head.fc"]), "it takes a text or a dict"),
        (dict(logits="backbone.layer1"), r"compares logits \(N, C\)"),
        (dict(loss=dict(type="mmkd.HintLoss")), "take a logit loss"),
        (dict(schedule=dict(start=1)), "schedule of the term 'a_mutual' has no setting 'start'"),
        (dict(input_shape=(1, 16, 16)), "cannot take an input of shape"),
        (
            dict(students=dict(a=classifier(), b=classifier(data_preprocessor=OTHER))),
            "that of 'b' is another",
        ),
        (dict(students=dict(a=classifier(**MIXUP), b=classifier())), "that of 'b' is another"),
        (
            dict(students=dict(a=classifier(**MIXUP), b=classifier(**MIXUP)), **LABELS),
            "needs hard labels",
        ),
    ],
)
def test_what_cannot_work_is_said_at_build_time(settings, words):
    with pytest.raises(ValueError, match=words):
        mutual(**settings)
