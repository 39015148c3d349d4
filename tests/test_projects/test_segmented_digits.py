"""The configs of the project on segmentation agree with its data, and compose with methods."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmkd.composition import TeacherChoice, compose

pytest.importorskip("mmseg")

PROJECT = Path(__file__).parents[2] / "projects/segmented_digits"
STUDENT, TEACHER = (str(PROJECT / f"configs/{name}_scenes.py") for name in ("student", "teacher"))


def test_heads_have_background_and_the_classes_that_are_drawn() -> None:
    (count,) = re.findall(r"--classes (\d+)", (PROJECT / "README.md").read_text())
    for path in (STUDENT, TEACHER):
        config = Config.fromfile(path)
        assert len(config.names) == int(count) + 1
        for head in (config.model.decode_head, config.model.auxiliary_head):
            assert head.num_classes == len(head.loss_decode.class_weight) == len(config.names)
        assert f"epoch_{config.train_cfg.max_epochs}.pth" in (PROJECT / "README.md").read_text()


def test_the_methods_of_the_table_compose() -> None:
    for methods, terms in ((["kd"], {"kd"}), (["cwd", "erkd"], {"cwd", "kd"})):
        config = compose(STUDENT, [TeacherChoice(TEACHER, None)], methods)
        assert config.model.terms.keys() == terms
