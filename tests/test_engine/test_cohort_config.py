"""Configs of several runs as one cohort, and back."""

import re
from copy import deepcopy

import pytest
from mmengine.config import Config

from mmkd.engine.cohort_config import cohort_config, member_config, member_names
from mmkd.engine.launch import ArgumentError

SPECIAL = {"optim_wrapper.constructor": "LearningRateDecayOptimWrapperConstructor"}
KD, ER = "mmkd::quickstart/kd_digits.py", "mmkd::quickstart/erkd_digits.py"


def configs(**overrides: dict) -> dict[str, Config]:
    """KD and ER-KD on digits; overrides of each by dotted keys."""
    found = dict(kd=Config.fromfile(KD), er=Config.fromfile(ER))
    for name, changes in overrides.items():
        found[name].merge_from_dict(changes)
    return found


def settings(config: Config) -> dict:
    """The settings that a Runner reads, without the variables that a file names for itself."""
    found = deepcopy(config.to_dict())
    return {key: value for key, value in found.items() if key != "sample_weight"}


@pytest.mark.parametrize(
    "overrides",
    [
        dict(),
        dict(kd={"randomness.seed": 1}, er={"randomness.seed": 2}),
        dict(er={"optim_wrapper.clip_grad": dict(max_norm=1.0)}),
        dict(kd=SPECIAL, er=SPECIAL),
        dict(er={"optim_wrapper.paramwise_cfg": dict(custom_keys=dict(terms=dict(lr_mult=2.0)))}),
        dict(kd={"param_scheduler": []}),
        dict(
            kd={"default_hooks.checkpoint.save_best": "accuracy/top1"},
            er={"default_hooks.checkpoint.save_best": "accuracy/top1"},
        ),
    ],
    ids=str,
)
def test_a_member_is_the_config_that_it_was_made_of(overrides: dict) -> None:
    made = configs(**overrides)
    together = cohort_config(made)
    assert member_names(together) == ["kd", "er"]
    for name, config in made.items():
        assert settings(member_config(together, name)) == settings(config)


def test_what_is_common_stands_once() -> None:
    together = cohort_config(configs(er={"optim_wrapper.clip_grad": dict(max_norm=1.0)}))
    assert {*together.model} == {"type", "members", "teacher"}
    assert together.model.teacher.checkpoint == "work_dirs/teacher_digits/epoch_30.pth"
    assert {*together.optim_wrapper.members} == {"er"}
    assert together.optim_wrapper.members.er == dict(clip_grad=dict(max_norm=1.0))
    assert together.optim_wrapper.optimizer.type == "SGD"
    assert together.runner_type == "mmkd.SafeRunner"


def test_best_checkpoints_are_by_each_members_metric() -> None:
    best = {"default_hooks.checkpoint.save_best": "accuracy/top1"}
    together = cohort_config(configs(kd=best, er=best))
    saver = together.default_hooks.checkpoint
    assert saver.save_best == ["kd/accuracy/top1", "er/accuracy/top1"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_dataloader.batch_size": 7}, "differ in train_dataloader, which all"),
        ({"model.teacher.checkpoint": "b.pth"}, "differ in model.teacher"),
        ({"default_hooks.logger.interval": 7}, "differ in default_hooks.logger"),
        ({"model.type": "mmkd.SelfDistiller"}, "the model of 'er' is mmkd.SelfDistiller"),
        (
            {"custom_hooks": [dict(type="mmkd.StatisticsHook", interval=3)]},
            "'er' has other settings of the hook mmkd.StatisticsHook",
        ),
        (
            {"custom_hooks": [dict(type="EMAHook")]},
            "'er' has the hook EMAHook, which would act on 'kd' too",
        ),
        ({"custom_hooks": [dict(type="mmkd.MeanTeacherHook")]}, "'er' has a mean teacher"),
    ],
)
def test_what_members_share_has_to_be_the_same(changes: dict, words: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(words)):
        cohort_config(configs(er=changes))


def test_an_unknown_member_is_named_with_those_that_exist() -> None:
    with pytest.raises(ArgumentError, match="no member 'k': the config has kd, er"):
        member_config(cohort_config(configs()), "k")
    with pytest.raises(ArgumentError, match="the config has no cohort"):
        member_config(Config.fromfile(KD), "kd")
