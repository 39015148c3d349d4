"""Terms that are computed from the chosen samples of a batch alone."""

import math
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.logits.entropy import entropy
from mmkd.networks.taps import flat
from mmkd.terms.kept import of_taps

KD = dict(loss=dict(type="mmkd.KDLoss"))
ER = dict(KD, sample_weight=dict(type="mmkd.EntropyWeight"))
EA = dict(KD, sample_weight=dict(type="mmkd.EntropyAdaptiveWeight"))
HINT = dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.HintLoss"))
SOURCES = ("student", "teacher", "product", "gap", "random")
BATCH = 8


def select(source: str = "student", keep: float = 0.5, **arguments: Any) -> dict[str, Any]:
    return dict(type="mmkd.SelectByEntropy", source=source, keep=keep, **arguments)


def distiller(**arguments: Any) -> Distiller:
    """A distiller whose networks' logits differ from sample to sample."""
    torch.manual_seed(0)
    model = tiny.distiller(**arguments)
    for network in (model.student, *(teacher.network for teacher in model.teachers.values())):
        torch.nn.init.normal_(network.head.fc.weight, std=2.0)
    return model


class Seen:
    """The images that each teacher of a distiller is run on, step by step."""

    def __init__(self, model: Distiller) -> None:
        self.images: dict[str, list[Tensor]] = {name: [] for name in model.teachers}
        for name, teacher in model.teachers.items():
            teacher.network.register_forward_pre_hook(
                lambda _, given, name=name: self.images[name].append(given[0])
            )

    def counts(self) -> dict[str, list[int]]:
        return {name: [len(images) for images in seen] for name, seen in self.images.items()}


def step_of(model: Distiller, size: int = BATCH) -> tuple[dict[str, Any], Step]:
    found: list[Step] = []
    handle = model.observe(found.append)
    losses = tiny.losses_of(model, tiny.batch(size))
    handle.remove()
    return losses, found[0]


def student_logits(model: Distiller, step: Step) -> Tensor:
    [tap] = flat(model.logits["student"])
    return step.features["student"][tap]


@pytest.mark.parametrize(
    ("term", "source"),
    [*((EA, source) for source in SOURCES), (HINT, "student"), (HINT, "gap")],
)
def test_all_samples_kept_is_no_selection_bit_for_bit(term: dict[str, Any], source: str) -> None:
    results = []
    for each in (term, dict(term, select=select(source, keep=1.0))):
        model = distiller(terms=dict(kd=each))
        losses = tiny.losses_of(model, tiny.batch(BATCH))
        sum(v for k, v in losses.items() if "loss" in k).backward()
        results.append([losses["loss_kd"], *(p.grad for p in model.student.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.75, 1.0])
def test_the_teacher_runs_on_as_many_images_as_are_kept(keep: float) -> None:
    model = distiller(terms=dict(kd=dict(ER, select=select(keep=keep))))
    seen = Seen(model)
    _, step = step_of(model, 10)
    kept = math.ceil(keep * 10)
    assert seen.counts() == dict(teacher=[kept])
    chosen = entropy(student_logits(model, step)).topk(kept).indices.sort().values
    whole = model.data_preprocessor(tiny.batch(10), True)["inputs"]
    assert torch.equal(seen.images["teacher"][0], whole[chosen])


@pytest.mark.parametrize(
    ("term", "source"), [*((EA, source) for source in SOURCES), (KD, "student"), (ER, "product")]
)
def test_the_loss_is_the_mean_over_the_kept_and_the_others_have_no_gradient(
    term: dict[str, Any], source: str
) -> None:
    model = distiller(terms=dict(kd=dict(term, select=select(source))))
    losses, step = step_of(model)
    logits = student_logits(model, step)
    [gradient] = torch.autograd.grad(losses["loss_kd"], [logits])
    kept = gradient.abs().sum(1).nonzero().flatten()
    assert len(kept) == BATCH // 2
    if source == "student":
        assert kept.tolist() == sorted(entropy(logits).topk(BATCH // 2).indices.tolist())
    inputs = model.data_preprocessor(tiny.batch(BATCH), True)["inputs"]
    tap = model.logits["teacher"]
    teacher = model.teachers["teacher"](inputs, None, [tap])[tap]
    own = model.terms["kd"]
    weight = None if own.sample_weight is None else own.sample_weight(logits, teacher)
    each = own.loss(logits, teacher, weight=weight, reduction_override="none")
    torch.testing.assert_close(losses["loss_kd"], each[kept].mean())
    assert step.terms["kd"].weight is None or step.terms["kd"].weight.shape == (1, BATCH // 2)


def test_early_and_late_choice_agree() -> None:
    """A term that gets the teachers' tensors of all samples chooses the same ones itself."""
    model = distiller(terms=dict(kd=dict(EA, select=select()), hint=dict(HINT, select=select())))
    losses, step = step_of(model)
    inputs = model.data_preprocessor(tiny.batch(BATCH), True)["inputs"]
    for name, term in model.terms.items():
        assert term.chooses_early
        whole = dict(step.features)
        whole["teacher"] = model.teachers["teacher"](inputs, None, [*term.taps["teacher"]])
        torch.testing.assert_close(term(whole, None).loss, losses[f"loss_{name}"])


def test_terms_that_choose_differently_share_one_pass_over_the_union() -> None:
    few, more = dict(KD, select=select(keep=0.25)), dict(HINT, select=select("random", keep=0.5))
    model = distiller(terms=dict(few=few, more=more))
    seen = Seen(model)
    losses, step = step_of(model)
    rows = [term.choose(step.features) for term in model.terms.values()]
    union = torch.cat(rows).unique()
    assert seen.counts() == dict(teacher=[len(union)])
    for name, term in (("few", few), ("more", more)):
        alone = distiller(terms={name: term})
        alone.load_state_dict(
            {k: v for k, v in model.state_dict().items() if k in alone.state_dict()}
        )
        alone.teachers["teacher"].network.load_state_dict(
            model.teachers["teacher"].network.state_dict()
        )
        expected = tiny.losses_of(alone, tiny.batch(BATCH))
        torch.testing.assert_close(losses[f"loss_{name}"], expected[f"loss_{name}"])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (HINT, "on all samples: 'hint' needs them"),
        (dict(HINT, select=select("gap")), "on all samples: 'hint' needs them"),
        (dict(HINT, select=select()), "on the samples that are chosen for 'kd', 'hint' only"),
    ],
)
def test_what_the_teacher_runs_on_is_said(
    other: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "mmkd.distillers.teaching.print_log", lambda text, *_, **__: said.append(text)
    )
    model = distiller(terms=dict(kd=dict(KD, select=select()), hint=other))
    assert [text for text in said if words in text]
    seen = Seen(model)
    step_of(model)
    assert seen.counts() == dict(teacher=[BATCH if "all" in words else BATCH // 2])


def test_a_teacher_with_statistics_of_its_batch_runs_on_all() -> None:
    teacher = dict(model=tiny.classifier(6), released_code=True)
    model = distiller(teacher=teacher, terms=dict(kd=dict(KD, select=select())))
    seen = Seen(model)
    losses, _ = step_of(model)
    assert seen.counts() == dict(teacher=[BATCH])
    assert losses["loss_kd"] > 0


def test_several_teachers_and_class_maps_see_the_same_samples() -> None:
    teachers = dict(
        a=dict(model=tiny.classifier(6)),
        b=dict(model=tiny.classifier(6, classes=7), class_map=[6, 0, 1, 2, 3]),
    )
    model = distiller(teachers=teachers, terms=dict(kd=dict(ER, select=select(keep=0.25))))
    seen = Seen(model)
    losses, step = step_of(model)
    assert seen.counts() == dict(a=[2], b=[2])
    assert torch.equal(*(seen.images[name][0] for name in "ab"))
    assert step.terms["kd"].weight.shape == (2, 2)
    assert {name: len(logits) for name, logits in step.teacher_logits.items()} == dict(a=2, b=2)
    assert losses["loss_kd"] > 0


@pytest.mark.parametrize("source", ["student", "gap"])
def test_terms_of_different_teachers_choose_by_their_own(source: str) -> None:
    teachers = dict(a=dict(model=tiny.classifier(6)), b=dict(model=tiny.classifier(8)))
    terms = {
        name: dict(KD, teacher={name: "head.fc"}, select=select(source, keep))
        for name, keep in (("a", 0.25), ("b", 0.5))
    }
    model = distiller(teachers=teachers, terms=terms)
    seen = Seen(model)
    losses, step = step_of(model)
    whole = BATCH if source == "gap" else None
    assert seen.counts() == dict(a=[whole or 2], b=[whole or 4])
    for name, kept in (("a", 2), ("b", 4)):
        [gradient] = torch.autograd.grad(
            losses[f"loss_{name}"], [student_logits(model, step)], retain_graph=True
        )
        assert gradient.abs().sum(1).count_nonzero() == kept


def test_a_weight_that_is_renormalised_is_so_over_the_kept() -> None:
    weight = dict(type="mmkd.EntropyWeight", renormalize=True)
    model = distiller(terms=dict(kd=dict(KD, sample_weight=weight, select=select())))
    _, step = step_of(model)
    torch.testing.assert_close(step.terms["kd"].weight.mean(), torch.tensor(1.0))


def test_labels_and_data_samples_are_those_of_the_kept() -> None:
    shift = dict(loss=dict(type="mmkd.KDLoss", target=dict(type="mmkd.ProbabilityShift")))
    model = distiller(terms=dict(ka=dict(shift, select=select())))
    losses, step = step_of(model)
    term = model.terms["ka"]
    kept = term.choose(step.features)
    batch = model.data_preprocessor(tiny.batch(BATCH), True)
    labels = torch.cat([sample.gt_label for sample in batch["data_samples"]])[kept]
    inputs, tap = batch["inputs"][kept], model.logits["teacher"]
    teacher = model.teachers["teacher"](inputs, None, [tap])[tap]
    expected = term.loss(student_logits(model, step)[kept], teacher, labels=labels)
    torch.testing.assert_close(losses["loss_ka"], expected)


def test_plain_modules_choose_too() -> None:
    student, teacher = (
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5)) for _ in range(2)
    )
    model = Distiller(
        student=student,
        teacher=teacher,
        logits="1",
        terms=dict(kd=dict(KD, select=select(keep=0.3))),
        input_shape=(3, 4, 4),
        task_loss=torch.nn.functional.cross_entropy,
    )
    seen: list[int] = []
    teacher.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    losses = model(torch.randn(10, 3, 4, 4), torch.arange(10) % 5, mode="loss")
    assert seen == [3]
    assert losses["loss_kd"] > 0


def test_tensors_where_there_is_none_are_left_out() -> None:
    [tap] = flat(tiny.distiller().logits["student"])
    assert of_taps({}, [tap], torch.tensor([0])) == {}


SELECT = dict(type="mmkd.SelectByEntropy")


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (dict(loss=dict(type="mmkd.DISTLoss"), select=SELECT), "DISTLoss compares samples"),
        (
            dict(student="neck", teacher="neck", loss=dict(type="mmkd.RKDLoss"), select=SELECT),
            "RKDLoss compares samples",
        ),
        (
            dict(HINT, select=SELECT, logits="backbone.layer1"),
            "needs logits \\(N, C\\) of the student",
        ),
        (dict(KD, select=dict(SELECT, keep=2.0)), "above 0 and at most 1"),
        (dict(KD, selct=SELECT), "Did you mean 'select'"),
        (dict(KD, select=dict(type="mmkd.SelectByEntropie")), "Did you mean 'SelectByEntropy'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(term: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, KeyError), match=message):
        tiny.distiller(terms=dict(kd=term))
