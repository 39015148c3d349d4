"""docs/teacher_store.md: its commands have the effects that the page describes."""

import re

import pytest
from tool_runs import ROOT, of_two_epochs, run_shell

TEXT = (ROOT / "docs/teacher_store.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = "".join(BLOCKS).replace("\\\n", " ").splitlines()


@pytest.mark.slow
def test_the_commands_of_the_page(tmp_path):
    for name in ("configs", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    printed = [run_shell(of_two_epochs(command), tmp_path) for command in COMMANDS]
    assert len(COMMANDS) == 6
    assert "40 bytes a record" in printed[1]
    assert "The teachers come from a store, and are not evaluated" in printed[2]
    assert "1297 of 1297 records" in printed[3]
    assert "2 shards, all as they were written" in printed[4]
    assert "10 classes at head.fc" in printed[5]
