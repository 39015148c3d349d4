import sys

import pytest

from mmkd.compat import requirements


def test_without_mmengine_the_error_names_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as error:
        requirements.require_mmengine()
    assert "mmkd[onedl]" in str(error.value)
    assert "mmkd[openmmlab]" in str(error.value)
    assert error.value.name == "mmengine"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["python", "-m", "mmkd", "doctor"], True),
        (["python", "-W", "ignore", "-m", "mmkd", "doctor"], True),
        (["python", "-m", "mmkd", "methods", "doctor"], False),
        (["python", "tools/train.py", "mmkd.doctor"], False),
        (["python", "-c", "import mmkd.doctor"], False),
    ],
)
def test_only_the_doctor_starts_without_the_remedies(
    command: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", command)
    assert requirements.being_examined() is expected
