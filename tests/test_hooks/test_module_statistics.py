import pytest
import tiny
from runs import distiller, run, scalars, separate_runs  # noqa: F401

from mmkd.hooks import module_statistics

CONTROLLER = dict(type="mmkd.EntropyController")
ADJUSTED = dict(
    type="mmkd.KDLoss",
    target=dict(type="mmkd.ProbabilityShift"),
    temperature=dict(type="mmkd.FLSWTemperature"),
    student_transforms=[CONTROLLER],
)


def test_they_are_named_by_the_term_or_the_shared_module():
    shared = dict(controller=dict(CONTROLLER, init=2.0))
    terms = dict(
        ka=dict(loss=ADJUSTED),
        kd=dict(loss=dict(type="mmkd.KDLoss", student_transforms=["controller"])),
    )
    model = tiny.distiller(shared=shared, terms=terms, student_loss_transforms=[CONTROLLER])
    before = module_statistics(model)
    assert before == {"ka/alpha": 1.0, "controller/alpha": 2.0, "student/alpha": 1.0}
    tiny.losses_of(model)
    found = module_statistics(model)
    parts = ("adjusted", "temperature", "temperature_std", "at_floor", "alpha")
    assert found.keys() == {*before, *(f"ka/{part}" for part in parts)}
    assert found["ka/temperature"] == model.terms["ka"].loss.temperature.statistics()["temperature"]


def test_the_log_has_a_curve_of_alpha(tmp_path):
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss", student_transforms=[CONTROLLER])))
    hooks = [dict(type="mmkd.StatisticsHook", interval=1)]
    runner = run(tmp_path, distiller(terms=terms), custom_hooks=hooks)
    curve = scalars(runner, "train/kd/alpha")
    assert curve[0] == 1.0
    assert len(set(curve)) == len(curve) == runner.iter == 4
    assert len(scalars(runner, "train/entropy/teacher")) == 4
    last = runner.model.terms["kd"].loss.student_transforms[0].alpha.item()
    assert last == pytest.approx(curve[-1], abs=0.1)
    assert last != curve[-1]
