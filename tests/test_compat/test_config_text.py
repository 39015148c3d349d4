import pytest
from mmengine.config import Config

from mmkd.compat.config_text import KEPT, format_configs_once, remembering


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configs whose text was written anew, in their order."""
    written: list[Config] = []
    write = Config.pretty_text.fget.__wrapped__

    def counted(config: Config) -> str:
        written.append(config)
        return write(config)

    monkeypatch.setattr(Config, "pretty_text", property(remembering(counted)))
    return written


def test_the_same_settings_are_written_once(written: list[Config]) -> None:
    first, second = (Config(dict(model=dict(type="A", depth=3))) for _ in range(2))
    assert first.pretty_text == second.dump() == "model = dict(depth=3, type='A')\n"
    assert len(written) == 1


def test_a_change_is_written(written: list[Config]) -> None:
    config = Config(dict(model=dict(depth=3)))
    assert "depth=3" in config.pretty_text
    config.model.depth = 4
    assert "depth=4" in config.pretty_text
    config.model.depth = "4"
    assert "depth='4'" in config.pretty_text
    assert len(written) == 3


def test_few_texts_are_kept(written: list[Config]) -> None:
    for depth in (*range(KEPT), 0, KEPT, 0):
        assert f"depth={depth}" in Config(dict(depth=depth)).pretty_text.replace(" ", "")
    assert len(written) == KEPT + 2


def test_text_without_formatting_is_another() -> None:
    settings = dict(model=dict(type="A", widths=[*range(40)]))
    formatted, plain = (Config(settings, format_python_code=flag) for flag in (True, False))
    assert formatted.pretty_text != plain.pretty_text


def test_formatting_once_is_arranged_once() -> None:
    text = Config.pretty_text
    format_configs_once()
    assert Config.pretty_text is text
