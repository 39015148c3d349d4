"""Members of a cohort end as they do in runs of their own, whatever happens to the others."""

from copy import deepcopy
from pathlib import Path

import pytest
import stored_runs
import torch
from cohorts import CLIPPED, MEMBERS, TEACHER, alone, cohort, train
from mmengine.config import Config
from mmengine.runner import Runner
from runs import checkpoints, config, convnet, equal, initialised, log_text, logged
from tiny import KD, PREPROCESSOR, classifier
from tool_runs import run_in_two_processes

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.engine import runner as runner_module
from mmkd.hooks import NonFiniteError

EMA = dict(type="EMAHook", momentum=0.1)
DECAY = dict(type="MultiStepLR", milestones=[1], gamma=0.5)


@pytest.fixture(autouse=True)
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the teacher weights of a file, and the runs names of their own."""
    path = initialised(convnet(12), tmp_path / "teacher.pth")
    monkeypatch.setitem(TEACHER, "checkpoint", str(path))


def members_of(runner: Runner) -> dict:
    return {name: member.state_dict() for name, member in runner.model.members.items()}


def test_members_end_with_the_weights_of_runs_of_their_own(tmp_path: Path) -> None:
    """With dropout, momentum, weight decay, clipped gradients, connectors and random masks."""
    together = train(tmp_path / "cohort", cohort(), param_scheduler=DECAY)
    last = logged(together)
    for name, member in MEMBERS.items():
        single = train(tmp_path / name, alone(member), param_scheduler=DECAY)
        assert equal(single.model.state_dict(), members_of(together)[name])
        for joint, own in zip(last, logged(single), strict=True):
            shared = {"data_time", "time", "epoch", "iter", "step", "lr"}
            assert {k: v for k, v in own.items() if k not in shared} == {
                k.removeprefix(f"{name}/"): v for k, v in joint.items() if k.startswith(f"{name}/")
            }
        file = load_checkpoint(tmp_path / f"cohort/epoch_2_{name}_student.pth")
        assert equal(file["state_dict"], single.model.student.state_dict())
    steps = [line for line in last if "loss" in line]
    assert steps[0]["loss"] == pytest.approx(sum(steps[0][f"{name}/loss"] for name in MEMBERS))


def test_optimizers_schedules_and_averages_are_a_members_own(tmp_path: Path) -> None:
    clips = dict(kd=dict(clip_grad=dict(max_norm=0.01)), er=dict(optimizer=dict(type="Adam")))
    wrapper = dict(CLIPPED, members=clips)
    schedules = dict(kd=[DECAY], er=[], hint=[DECAY])
    hooks = [dict(type="mmkd.StudentCheckpointHook"), EMA]
    together = train(
        tmp_path / "cohort",
        cohort(),
        optim_wrapper=wrapper,
        param_scheduler=schedules,
        custom_hooks=hooks,
    )
    assert "er/lr" in logged(together)[0]
    averages = load_checkpoint(tmp_path / "cohort/epoch_2.pth")["state_dict"]
    for name, member in MEMBERS.items():
        own = dict(CLIPPED, **clips.get(name, {}))
        single = train(
            tmp_path / name,
            alone(member),
            optim_wrapper=own,
            param_scheduler=schedules[name],
            custom_hooks=hooks,
        )
        assert equal(single.model.state_dict(), members_of(together)[name])
        average = load_checkpoint(tmp_path / f"{name}/epoch_2.pth")["state_dict"]
        prefix = f"{name}."
        found = {k.removeprefix(prefix): v for k, v in averages.items() if k.startswith(prefix)}
        assert equal(average, found)
        assert not equal(average, single.model.state_dict())


def test_a_seed_is_of_the_initial_weights_and_the_dropout(tmp_path: Path) -> None:
    kd = MEMBERS["kd"]
    members = {"run": dict(kd, seed=3), "again": kd, "other": dict(kd, seed=4)}
    together = train(tmp_path / "cohort", cohort(members), randomness=dict(seed=3))
    found = members_of(together)
    single = train(tmp_path / "run", alone(kd), randomness=dict(seed=3))
    assert equal(single.model.state_dict(), found["run"])
    assert equal(found["run"], found["again"])
    fewer = cohort({"other": dict(kd, seed=4)})
    other = train(tmp_path / "other", fewer, randomness=dict(seed=3))
    assert equal(members_of(other)["other"], found["other"])
    assert not equal(found["run"], found["other"])


@pytest.mark.parametrize("iteration", [1, 2], ids=["within an epoch", "between epochs"])
def test_a_resumed_cohort_ends_as_if_uninterrupted(tmp_path: Path, iteration: int) -> None:
    fields = checkpoints(by_epoch=False)
    whole = train(tmp_path / "whole", cohort(), **fields)
    pointer = tmp_path / "whole/last_checkpoint"
    for later in range(iteration + 1, 5):
        (tmp_path / f"whole/iter_{later}.pth").unlink()
    pointer.write_text(str(tmp_path / f"whole/iter_{iteration}.pth"))
    resumed = train(tmp_path / "whole", cohort(), resume=True, **fields)
    assert resumed.iter == 4
    assert equal(whole.model.state_dict(), resumed.model.state_dict())


class Explodes(torch.nn.Module):
    """A loss that is not a number from its third call on."""

    def __init__(self, **_: object) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, student: torch.Tensor, teacher: torch.Tensor, **_: object) -> torch.Tensor:
        self.calls += 1
        return (student - teacher).square().mean() * (1 if self.calls < 4 else float("nan"))


def exploding(**overrides: object) -> dict:
    from mmkd.registry import MODELS

    MODELS.register_module(name="Explodes", module=Explodes, force=True)
    broken = dict(
        student=convnet(dropout=0.5), terms=dict(bad=dict(loss=dict(type="mmkd.Explodes")))
    )
    return cohort(dict(kd=MEMBERS["kd"], bad=broken, hint=MEMBERS["hint"]), **overrides)


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_a_member_that_is_not_finite_is_put_aside_and_the_others_go_on(
    tmp_path: Path, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = dict(type="mmkd.FiniteGuardHook", late=late)
    monkeypatch.setitem(runner_module.GUARDS, "finite", guard)
    together = train(tmp_path / "cohort", exploding())
    assert together.model.aside == ["bad"]
    assert "'bad' is put aside, and the others go on. Not finite in iteration 4: loss_bad" in (
        log_text(together)
    )
    for name in ("kd", "hint"):
        single = train(tmp_path / name, alone(MEMBERS[name]))
        assert equal(single.model.state_dict(), members_of(together)[name])
    assert all(v.isfinite().all() for v in members_of(together)["bad"].values())
    assert (tmp_path / "cohort/epoch_1_bad_student.pth").exists()
    assert not (tmp_path / "cohort/epoch_2_bad_student.pth").exists()
    metrics = logged(together)[-1]
    assert metrics["bad/accuracy/top1"] != metrics["bad/accuracy/top1"]
    assert metrics["kd/accuracy/top1"] >= 0


def test_a_member_stays_aside_after_a_resume(tmp_path: Path) -> None:
    three = dict(by_epoch=True, max_epochs=3, val_interval=1)
    train(tmp_path, exploding())
    resumed = train(tmp_path, exploding(), resume=True, train_cfg=three)
    assert resumed.model.aside == ["bad"]
    assert "bad/loss" not in logged(resumed)[-2]


def test_a_run_without_members_left_stops(tmp_path: Path) -> None:
    model = exploding()
    model["members"] = dict(bad=model["members"]["bad"])
    with pytest.raises(NonFiniteError, match="the last member of the cohort: bad"):
        train(tmp_path, model)


def test_best_checkpoints_are_a_members_own(tmp_path: Path) -> None:
    best = [f"{name}/accuracy/top1" for name in MEMBERS]
    train(tmp_path, cohort(), **checkpoints(save_best=best, rule="greater"))
    found = {path.name for path in tmp_path.glob("best_er_*_student.pth")}
    assert found
    assert all(name.endswith("_er_student.pth") for name in found)


def test_a_stock_runner_is_told_what_a_cohort_needs(tmp_path: Path) -> None:
    runner = Runner.from_cfg(config(tmp_path, cohort(), optim_wrapper=deepcopy(CLIPPED)))
    with pytest.raises(TypeError, match="Take runner_type"):
        runner.train()


def test_hooks_speak_of_each_member(tmp_path: Path) -> None:
    hooks = [
        dict(type="mmkd.StepCheckHook"),
        dict(type="mmkd.TeacherEvaluationHook"),
        dict(type="mmkd.StatisticsHook", interval=1, gradient_share=True),
    ]
    together = train(tmp_path, cohort(), custom_hooks=hooks)
    assert {"er/er/weight_mean", "kd/entropy/student", "hint/gradient_share/loss_hint"} <= {
        *logged(together)[0]
    }
    assert together.message_hub.get_info("teacher_metrics/teacher")
    record = Config.fromfile(tmp_path / "run.json")
    assert "weights of teacher teacher" in record["hashes"]


def test_the_average_of_one_student_cannot_teach_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="The teachers of a cohort are shared"):
        train(tmp_path, cohort(), custom_hooks=[dict(type="mmkd.MeanTeacherHook")])


def test_batch_augmentations_are_the_same_for_all(tmp_path: Path) -> None:
    """The random numbers behind them are drawn once, before those of each member's step."""
    mixup = dict(PREPROCESSOR, type="mmpretrain.ClsDataPreprocessor")
    student = classifier(train_cfg=dict(augments=dict(type="Mixup", alpha=0.8)))
    students = dict(a=dict(student=student, terms=KD), b=dict(student=student, terms=KD))
    fields = dict(data_preprocessor=mixup)
    teacher = dict(teacher=dict(model=classifier(6)))
    together = train(tmp_path / "cohort", {**cohort(students), **teacher}, **fields)
    single = train(tmp_path / "alone", {**alone(students["a"]), **teacher}, **fields)
    for name in students:
        assert equal(members_of(together)[name], single.model.state_dict())


@pytest.mark.slow
def test_members_learn_in_two_processes_as_they_do_alone(tmp_path: Path) -> None:
    """The teacher's file is that of the fixture."""
    run_in_two_processes(Path(__file__).with_name("cohort_in_processes.py"), tmp_path)
    one, other = (torch.load(tmp_path / f"rank_{rank}.pth") for rank in range(2))
    assert equal(one["hint"], one["alone"])
    for name in MEMBERS:
        assert equal(one[name], other[name])


def test_members_learn_from_one_store(tmp_path: Path) -> None:
    (tmp_path / "teacher.pth").unlink()  # that of the other tests, of another width
    store = stored_runs.build(tmp_path / "build", tmp_path / "store")
    _, single = stored_runs.go(tmp_path / "alone", store)
    made = stored_runs.settings(tmp_path / "cohort").to_dict()
    student = {k: v for k, v in made["model"].items() if k not in ("type", "teacher")}
    together = train(
        tmp_path / "cohort",
        cohort(dict(a=student, b=student), store=dict(path=str(store)))
        | dict(teacher=made["model"]["teacher"]),
        train_dataloader=made["train_dataloader"],
        optim_wrapper=made["optim_wrapper"],
    )
    for weights in members_of(together).values():
        assert equal(weights, single.model.state_dict())
    assert not together.model.members["b"].teachers["teacher"].network.state_dict()
