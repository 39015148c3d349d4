"""Two processes with half of the batch each give the result of one with all of it."""

import runpy
from pathlib import Path

import pytest
import torch
from runs import equal, run, weights
from tool_runs import run_in_two_processes

SCRIPT = Path(__file__).with_name("train_in_processes.py")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Return the results of the two processes of a run."""
    folder = tmp_path_factory.mktemp("processes")
    run_in_two_processes(SCRIPT, folder)
    return [torch.load(folder / f"rank_{rank}.pth") for rank in range(2)], folder


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """Return the run of one process with the batches of both."""
    settings = runpy.run_path(str(SCRIPT))["fields"](batch_size=8)
    return run(tmp_path_factory.mktemp("single"), **settings)


@pytest.mark.slow
def test_two_processes_come_to_the_weights_of_one(ranks, single):
    student = ranks[0][0]["student"]
    assert student.keys() == weights(single).keys()
    for key, weight in weights(single).items():
        torch.testing.assert_close(student[key], weight, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_both_processes_have_the_same_weights(ranks):
    assert equal(ranks[0][0]["student"], ranks[0][1]["student"])


@pytest.mark.slow
def test_the_teachers_metrics_are_over_all_of_the_data(ranks, single):
    expected = single.message_hub.get_info("teacher_metrics/teacher")
    assert [rank["metrics"] for rank in ranks[0]] == [expected] * 2


@pytest.mark.slow
def test_the_student_is_written_once(ranks):
    written = torch.load(ranks[1] / "epoch_2_student.pth")["state_dict"]
    assert equal(written, ranks[0][0]["student"])
