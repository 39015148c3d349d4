"""The type checker sees attributes: a misspelt one is an error."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MISSPELT = """
from mmkd.distillers import Distiller, MutualDistiller, SelfDistiller
from mmkd.teachers import Teacher
from mmkd.terms import Term


def look(d: Distiller, m: MutualDistiller, s: SelfDistiller, teacher: Teacher, term: Term) -> None:
    d.techers
    m.peeers
    s.brnches
    teacher.netwrk
    term.weighss
    term.student_tap
    d.terms["kd"].losss
"""


@pytest.mark.slow
def test_misspelt_attributes_are_errors(tmp_path):
    api = pytest.importorskip("mypy.api", reason="mypy is one of requirements/lint.txt")
    path = tmp_path / "misspelt.py"
    path.write_text(MISSPELT)
    report, _, _ = api.run(["--config-file", str(ROOT / "pyproject.toml"), str(path)])
    wrong = {line.split(":")[1] for line in report.splitlines() if "attr-defined" in line}
    count = MISSPELT.count("\n    ")
    assert len(wrong) == count == 7, report
