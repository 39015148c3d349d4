"""Terms whose teachers are weighed by their losses, and whose features are transformed."""

from copy import deepcopy
from typing import Any

import pytest
import tiny
import torch
from tiny_teachers import FEATURE, several

from mmkd.distillers import Distiller

DROP = dict(type="mmkd.TeacherDropping", drop=1.0)
STANDARD = dict(type="mmkd.RunningStandardize")
TAPS = ["neck", "neck:input"]
UNIC = dict(
    student=TAPS,
    teacher=TAPS,
    connector=dict(type="mmkd.MLPConnector"),
    teacher_transform=STANDARD,
    loss=dict(type="mmkd.UNICLoss"),
    teacher_weight=dict(type="mmkd.TeacherDropping"),
)


def hints(model: Distiller) -> dict[str, torch.Tensor]:
    """The loss of each sample for each teacher, and the weights, of one step."""
    steps: list[Any] = []
    handle = model.observe(steps.append)
    found: dict[str, torch.Tensor] = {}
    loss = model.terms["hint"].loss
    hook = loss.register_forward_hook(lambda *a: found.setdefault(f"{len(found)}", a[-1].detach()))
    total = tiny.losses_of(model)["loss_hint"]
    hook.remove()
    handle.remove()
    each = torch.stack([*found.values()])
    return dict(each=each, weight=steps[0].terms["hint"].weight, total=total)


def test_the_largest_loss_of_each_sample_counts() -> None:
    found = hints(several(dict(hint=dict(FEATURE, teacher_weight=DROP)), (6, 8, 10)))
    torch.testing.assert_close(found["total"], found["each"].amax(0).mean())
    assert found["weight"].eq(found["each"] == found["each"].amax(0)).all()


def test_a_sample_weight_multiplies_what_was_chosen_without_it() -> None:
    weight = dict(type="mmkd.EntropyWeight", temperature=1.0)
    term = dict(FEATURE, teacher_weight=DROP, sample_weight=weight)
    found = hints(several(dict(hint=term), (6, 8)))
    kept = found["each"] == found["each"].amax(0)
    assert (found["weight"] > 0).eq(kept).all()
    assert not found["weight"].eq(kept).all()
    expected = (found["weight"] * found["each"]).sum(0).mean()
    torch.testing.assert_close(found["total"], expected)


def test_teachers_without_classifiers_teach_a_bare_backbone() -> None:
    bare = dict(a=tiny.classifier(6), b=tiny.classifier(8))
    teachers = {name: dict(model=model | dict(head=None)) for name, model in bare.items()}
    student = tiny.classifier() | dict(head=None)
    model = tiny.distiller(student=student, teachers=teachers, terms=dict(unic=UNIC))
    before = deepcopy(model.state_dict())
    tiny.train(model, steps=2)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    for name in "ab":
        for tap in (0, 1):
            assert f"terms.unic.transforms.{name}.{tap}.mean" in changed
            assert f"terms.unic.connectors.{name}.{tap}.layers.0.weight" in changed
    assert any(key.startswith("student.backbone") for key in changed)


def test_a_transform_changes_what_the_loss_sees() -> None:
    alone = dict(STANDARD, momentum=1.0)  # the batch alone, in a run of any length
    model = several(dict(hint=dict(FEATURE, teacher_transform=alone)), (6,))
    seen: list[torch.Tensor] = []
    model.terms["hint"].loss.register_forward_pre_hook(lambda _, args: seen.append(args[1]))
    tiny.losses_of(model)
    mean = seen[-1].mean((0, 2, 3))
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-5, rtol=0)


class Plain(torch.nn.Module):
    """A loss from elsewhere that gives the mean alone."""

    same_shape = True

    def forward(self, student: Any, teacher: Any, weight: Any = None) -> Any:
        return (student[0] - teacher[0]).square().mean()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(loss=dict(type="mmkd.SPLoss")), "no loss of a single sample"),
        (dict(loss=Plain()), "takes no `reduction_override`"),
        (dict(weigh_through=["neck", "head.fc"]), "Leave `weigh_through` out"),
    ],
)
def test_what_cannot_be_weighed_by_losses_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        several(dict(hint={**FEATURE, "teacher_weight": DROP, **change}))


def test_a_transform_of_features_is_refused_for_logits() -> None:
    with pytest.raises(ValueError, match="give its loss `transforms`"):
        several(dict(kd=dict(loss=dict(type="mmkd.KDLoss"), teacher_transform=STANDARD)))
