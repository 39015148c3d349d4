"""A model that a Runner builds knows the Runner's config."""

import pytest
from mmengine.registry import MODELS
from mmengine.runner import Runner
from runs import TinyConvNet, config, distiller, separate_runs  # noqa: F401

from mmkd.compat.running import running_config, tell_models_their_run


@MODELS.register_module()
class Curious(TinyConvNet):
    """A backbone that asks for the config while it is built."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.seen = running_config()


def test_it_is_known_while_the_model_is_built_and_not_after(tmp_path):
    model = distiller()
    model["student"]["backbone"] = dict(type="Curious", width=8)
    runner = Runner.from_cfg(config(tmp_path, model))
    assert runner.model.student.backbone.seen is runner.cfg
    assert running_config() is None
    assert Curious().seen is None


def test_a_model_that_cannot_be_built_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="no module"):
        Runner.from_cfg(config(tmp_path, distiller(logits="head.fcc")))
    assert running_config() is None


def test_it_is_arranged_once():
    before = Runner.build_model
    tell_models_their_run()
    assert Runner.build_model is before
