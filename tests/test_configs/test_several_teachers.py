"""Configs with several teachers: their feature terms, and the options that the READMEs name."""

from argparse import ArgumentParser
from functools import cache
from typing import Any

import mmkd  # noqa: F401

# isort: split
import pytest
import torch
from config_files import ROOT
from mmengine.config import Config, DictAction
from mmengine.logging import MessageHub
from mmpretrain.structures import DataSample

from mmkd.registry import MODELS

PAIR = "resnet20_x3_resnet8_w8"


def config(method: str, *options: str, variant: str = "") -> Config:
    """The config of a method on Fashion-MNIST with options, its teachers random."""
    found = Config.fromfile(ROOT / method / f"{PAIR}{variant}_fmnist8k.py")
    for teacher in found.model.teachers.values():
        teacher.checkpoint = None
    parser = ArgumentParser()
    parser.add_argument("--cfg-options", nargs="*", action=DictAction)
    given = parser.parse_args(["--cfg-options", *(f"model.terms.{one}" for one in options)])
    found.merge_from_dict(given.cfg_options or {})
    return found


@cache
def losses(
    method: str, *options: str, variant: str = "", epoch: int = 0
) -> dict[str, torch.Tensor]:
    """The terms' losses on a random batch, of teachers that are not quite undecided."""
    found = config(method, *options, variant=variant)
    torch.manual_seed(0)
    model = MODELS.build(dict(found.model, data_preprocessor=found.data_preprocessor))
    model.init_weights()
    for teacher in model.teachers.values():
        torch.nn.init.normal_(teacher.network.head.fc.weight, std=0.5)
    samples = [DataSample().set_gt_label(index % 10) for index in range(4)]
    data = model.data_preprocessor(
        dict(inputs=torch.rand(4, 1, 28, 28), data_samples=samples), True
    )
    hub = MessageHub.get_current_instance()
    hub.update_info("epoch", epoch)
    try:
        output: dict[str, Any] = model(**data, mode="loss")
    finally:
        hub.update_info("epoch", 0)
    return {name: value for name, value in output.items() if name.startswith("loss_")}


@pytest.mark.parametrize("method", ["demkd", "camkd", "fitnet_mkd"])
def test_the_feature_term_begins_with_the_second_epoch(method: str) -> None:
    variant = "_feature" if method == "demkd" else ""
    name = "loss_hint" if method == "fitnet_mkd" else "loss_feature"
    assert losses(method, variant=variant)[name] == 0
    second = losses(method, variant=variant, epoch=1)[name]
    assert second > 0
    assert second.requires_grad


BOTH = ("tckd.teacher_weight", "nckd.teacher_weight")


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        *([f"{one}.form={form}" for one in BOTH] for form in ("ebkd_normalized", "high")),
        ["tckd.teacher_weight=None"],
        ["tckd.teacher_weight.part=target", "nckd.teacher_weight.part=non_target"],
        [f"{one}.temperature=4.0" for one in BOTH],
        [f"{one}.divide_by_k=True" for one in BOTH],
        ["tckd.schedule.warmup=20", "nckd.schedule.warmup=20"],
    ],
    ids=lambda options: options[0],
)
def test_each_choice_of_demkd_is_an_option_that_the_readme_names(options: list[str]) -> None:
    readme = (ROOT / "demkd" / "README.md").read_text()
    assert " ".join(options) in readme or ".form=" in options[0]
    default, changed = losses("demkd"), losses("demkd", *options)
    assert changed["loss_tckd"] != default["loss_tckd"]
    if len(options) > 1:
        assert changed["loss_nckd"] != default["loss_nckd"]
    else:
        assert changed["loss_nckd"] == default["loss_nckd"]


def test_the_feature_may_be_weighed_through_the_teachers_heads() -> None:
    option = "feature.weigh_through=[@logits]"
    assert option in (ROOT / "demkd" / "README.md").read_text()
    plain = losses("demkd", variant="_feature", epoch=1)
    through = losses("demkd", option, variant="_feature", epoch=1)
    assert plain["loss_feature"] != through["loss_feature"]


def test_camkds_released_code_divides_by_the_number_of_teachers() -> None:
    options = ("kd.teacher_weight.divide_by_k=True", "feature.teacher_weight.divide_by_k=True")
    readme = (ROOT / "camkd" / "README.md").read_text()
    assert all(f"model.terms.{option}" in readme for option in options)
    paper, code = losses("camkd", epoch=1), losses("camkd", *options, epoch=1)
    for name, value in paper.items():
        torch.testing.assert_close(code[name], value / 3)


def test_teachers_differ_by_their_seeds_and_the_benchmark_can_replace_them() -> None:
    for method in ("aver", "ebkd", "camkd", "aekd", "fitnet_mkd", "demkd"):
        model = Config.fromfile(ROOT / method / f"{PAIR}_fmnist8k.py").model
        assert {name: teacher.checkpoint for name, teacher in model.teachers.items()} == {
            f"teacher{seed}": f"work_dirs/resnet20_fmnist8k_seed{seed}/epoch_10.pth"
            for seed in range(3)
        }
