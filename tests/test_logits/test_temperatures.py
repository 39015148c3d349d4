"""DTD by confidence, its batch mean over processes, and CTKD."""

import math
import os
import subprocess
import sys

import pytest
import torch
from mmengine.logging import MessageHub

from mmkd.logits import (
    CurriculumTemperature,
    CWSMTemperature,
    DeviationTemperature,
    FLSWTemperature,
)
from mmkd.losses import DKDLoss, KDLoss, NKDLoss

STUDENT = torch.tensor(
    [[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]], dtype=torch.float64
)
TEACHER = torch.tensor(
    [[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1], [0, 0.2, 2.5, 2.4]], dtype=torch.float64
)
RAW = [27.363955, 15.331604, -12.695559]


def test_temperatures_of_the_worked_example_have_a_floor():
    temperature = CWSMTemperature()(STUDENT, TEACHER)
    assert temperature.tolist() == pytest.approx([*RAW[:2], 1.0], abs=5e-6)
    assert CWSMTemperature(min=3.0)(STUDENT, TEACHER)[2] == 3.0


def test_the_mean_before_the_floor_is_the_base():
    temperature = CWSMTemperature(base=7.0, bias=0.5, min=0.1)(STUDENT, TEACHER)
    assert temperature.mean().item() == pytest.approx(7.0)
    expected = 7 + (torch.tensor(RAW) - 10) / 80
    assert temperature.tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_statistics_are_of_the_temperatures():
    temperature = CWSMTemperature()
    assert temperature.statistics() == {}
    values = temperature(STUDENT, TEACHER)
    expected = dict(temperature=values.mean().item(), at_floor=1 / 3)
    expected["temperature_std"] = values.std(correction=0).item()
    assert temperature.statistics() == pytest.approx(expected)
    temperature(STUDENT[:0], TEACHER[:0])
    assert temperature.statistics() == {}
    curriculum = CurriculumTemperature().statistics()
    assert curriculum == {"temperature": pytest.approx(1 + 20 * 0.7310586)}


@pytest.mark.parametrize("kind", [FLSWTemperature, CWSMTemperature])
def test_samples_equally_hard_make_it_kd(kind):
    student, teacher = STUDENT[:1].expand(3, 4), TEACHER[:1].expand(3, 4)
    value = KDLoss(temperature=kind(base=4.0))(student, teacher)
    torch.testing.assert_close(value, KDLoss()(student, teacher))


@pytest.mark.parametrize("kind", [FLSWTemperature, CWSMTemperature])
@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_extremes_give_finite_values_and_gradients(kind, scale):
    student = (STUDENT.sign().float() * scale).requires_grad_()
    temperature = kind()(student, -student.detach())
    assert temperature.isfinite().all()
    assert not temperature.requires_grad
    value = KDLoss(temperature=kind())(student, -student.detach())
    value.backward()
    assert value.isfinite()
    assert student.grad.isfinite().all()


@pytest.mark.parametrize("kind", [FLSWTemperature, CWSMTemperature])
def test_all_processes_are_one_where_there_is_one(kind):
    torch.testing.assert_close(kind(all_processes=True)(STUDENT, TEACHER), kind()(STUDENT, TEACHER))


PROCESS = """
import os, sys, torch
import mmkd
from mmkd.logits import CWSMTemperature
student = torch.tensor([[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5], [-0.4, 0.1, 0.9, 1.1]])
rank = int(sys.argv[1])
torch.distributed.init_process_group(
    "gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2
)
own = student[:1] if rank == 0 else student[1:]
temperature = CWSMTemperature(min=0.1, bias=4.0, all_processes=True)(own, own)
print("RESULT", *temperature.tolist(), flush=True)
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_the_mean_over_processes_is_over_all_of_their_samples(tmp_path):
    """One process has one of three samples, the other two."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), str(tmp_path / "store")],
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    found = []
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        line = next(line for line in output.splitlines() if line.startswith("RESULT"))
        found += map(float, line.split()[1:])
    expected = CWSMTemperature(min=0.1, bias=4.0)(STUDENT, TEACHER)
    assert found == pytest.approx(expected.tolist(), rel=1e-5)


@pytest.fixture
def hub():
    yield MessageHub.get_instance("curriculum")
    del MessageHub._instance_dict["curriculum"]


def test_the_curriculum_makes_the_temperature_work_against_the_student(hub):
    temperature = CurriculumTemperature(epochs=10).double()
    assert temperature(STUDENT, TEACHER).item() == pytest.approx(1 + 20 * 0.7310586)
    plain = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    value = KDLoss(temperature=_Sigmoid(plain))(STUDENT, TEACHER)
    value.backward()
    sizes = []
    for epoch in (0, 4, 9, 30):  # MMEngine counts from 0, the released loop from 1
        hub.update_info("epoch", epoch)
        temperature.raw_temperature.grad = None
        loss = KDLoss(temperature=temperature)(STUDENT, TEACHER)
        loss.backward()
        torch.testing.assert_close(loss, value)
        sizes.append((temperature.raw_temperature.grad / plain.grad).item())
    first = (1 - math.cos(math.pi / 10)) / 2
    assert sizes == pytest.approx([-first, -0.5, -1.0, -1.0])


class _Sigmoid(torch.nn.Module):
    def __init__(self, theta):
        super().__init__()
        self.theta = theta

    def forward(self, student, teacher):
        return 1 + 20 * self.theta.sigmoid()


def test_normkd_divides_each_side_by_its_own_spread():
    """Value and gradient are those of the released code; the student's spread learns too."""
    student = STUDENT.clone().requires_grad_()
    at_s, at_t = 2 * student.std(1, keepdim=True), 2 * TEACHER.std(1, keepdim=True)
    p, log_q = (TEACHER / at_t).softmax(1), (student / at_s).log_softmax(1)
    each = (p * (p.log() - log_q)).sum(1, keepdim=True) * at_t**2
    expected = torch.autograd.grad(each.mean(), student)
    value = KDLoss(temperature=DeviationTemperature())(student, TEACHER)
    torch.testing.assert_close(value, each.mean())
    torch.testing.assert_close(torch.autograd.grad(value, student), expected)


@pytest.mark.parametrize("loss", [DKDLoss, NKDLoss])
def test_a_temperature_a_side_serves_any_loss_on_logits(loss):
    """The student's logits, divided by how its spread compares, have the teacher's temperature."""
    labels, scale = (
        torch.tensor([0, 1, 3]),
        STUDENT.std(1, keepdim=True) / TEACHER.std(1, keepdim=True),
    )
    found = loss(temperature=DeviationTemperature())(
        STUDENT, TEACHER, labels, reduction_override="none"
    )
    for i in range(3):
        one, at = slice(i, i + 1), 2 * TEACHER[i].std().item()
        given = (STUDENT[one] / scale[one], TEACHER[one], labels[one])
        expected = loss(temperature=at)(*given)
        if loss is NKDLoss:  # whose first part has no temperature
            alone = NKDLoss(0.0)
            expected = expected - alone(*given) + alone(STUDENT[one], *given[1:])
        torch.testing.assert_close(found[i], expected)


@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_logits_without_a_spread_have_the_floor(scale):
    student = (STUDENT.sign().float() * scale).requires_grad_()
    value = KDLoss(temperature=DeviationTemperature())(student, torch.zeros_like(student))
    value.backward()
    assert value.isfinite()
    assert student.grad.isfinite().all()
    own, _ = DeviationTemperature(min=0.5)(torch.ones(2, 3), torch.ones(2, 3))
    assert own.tolist() == [0.5, 0.5]


def test_wrong_arguments_are_refused_in_words():
    with pytest.raises(ValueError, match="scale and min must be positive"):
        DeviationTemperature(scale=0.0)
    with pytest.raises(ValueError, match="floor"):
        CWSMTemperature(min=0.0)
    with pytest.raises(ValueError, match="positive"):
        CurriculumTemperature(start=0.0)
