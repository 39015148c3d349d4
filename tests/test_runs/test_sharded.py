"""A student and a teacher that are divided among two processes learn as in one."""

import runpy
from pathlib import Path

import pytest
import torch
from runs import run, weights
from tool_runs import run_in_two_processes

SCRIPT = Path(__file__).with_name("sharded_in_processes.py")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sharded")
    run_in_two_processes(SCRIPT, folder)
    return folder


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory):
    settings = runpy.run_path(str(SCRIPT))["fields"](batch_size=8)
    return run(tmp_path_factory.mktemp("single"), **settings)


@pytest.mark.parametrize("name", ["whole", "resumed"])
def test_sharded_weights_come_to_those_of_one_process(name: str, sharded: Path, single) -> None:
    written = torch.load(sharded / name / "epoch_2_student.pth")["state_dict"]
    assert written.keys() == weights(single).keys()
    for key, weight in weights(single).items():
        torch.testing.assert_close(written[key], weight, rtol=1e-5, atol=1e-5)


def test_each_process_holds_its_part(sharded: Path, single) -> None:
    ranks = [torch.load(sharded / f"rank_{rank}.pth") for rank in range(2)]
    trained = [weight.numel() for weight in single.model.parameters()]
    assert sum(rank["parts"] for rank in ranks) == sum(trained)
    for name, weight in single.model.teachers["teacher"].network.named_parameters():
        assert sum(rank["held"][name] for rank in ranks) == weight.numel()
    assert ranks[0]["metrics"] == single.message_hub.get_info("teacher_metrics/teacher")
