"""docs/segmentation.md: its configs and commands, on few small scenes."""

import re
from pathlib import Path

import pytest
import torch
from tool_runs import ROOT, run_shell

from mmkd.composition import TeacherChoice, compose

pytest.importorskip("mmseg")

TEXT = (ROOT / "docs/segmentation.md").read_text()
FILES = dict(re.findall(r"```python\n# file: (\S+)\n(.*?)```", TEXT, re.DOTALL))
COMMANDS = [
    command
    for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    for command in block.replace("\\\n", " ").splitlines()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the page's files and the tools."""
    place = tmp_path_factory.mktemp("segmentation")
    (place / "tools").symlink_to(ROOT / "tools")
    for name, content in FILES.items():
        (place / name).write_text(content)
    return place


def run(command: str, folder: Path) -> str:
    """Run a command on few scenes for one epoch, and return what it printed."""
    command = re.sub(r"epoch_\d+", "epoch_1", command)
    if "make_scenes" in command:
        command = re.sub(r"--(train|val) \d+", r"--\1 8", command)
    elif "train.py" in command:
        command += " --cfg-options train_cfg.max_epochs=1 default_hooks.checkpoint.interval=1"
    return run_shell(command, folder)


@pytest.mark.parametrize(
    ("methods", "terms"),
    [
        (["cwd", "erkd"], {"cwd", "kd"}),
        (["cirkd"], {"cirkd", "kd"}),
        (["eakd_dkd"], {"dkd"}),
        (["erkd_dist"], {"dist"}),
    ],
)
def test_methods_compose_for_the_pages_networks(
    methods: list[str], terms: set[str], folder: Path
) -> None:
    choice = TeacherChoice(str(folder / "big_pspnet.py"), None)
    config = compose(str(folder / "my_pspnet.py"), [choice], methods)
    assert config.model.terms.keys() == terms
    for name in terms - {"cirkd", "cwd"}:
        assert config.model.terms[name].locations.type == "mmkd.PixelLocations"


@pytest.mark.slow
def test_the_pages_commands_and_the_config_that_they_write(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The written config repeats the run, and mmseg itself loads the student's file strictly."""
    *_, distilled, tested = [run(command, folder) for command in COMMANDS]
    assert "loss_cwd" in distilled
    assert "loss_kd" in distilled
    assert "mIoU" in tested
    name = "cwd_erkd_my_pspnet"
    run(f"python tools/train.py work_dirs/{name}/{name}.py --work-dir again", folder)
    files = (folder / f"{place}/epoch_1_student.pth" for place in (f"work_dirs/{name}", "again"))
    first, second = (torch.load(file, weights_only=True)["state_dict"] for file in files)
    assert all(torch.equal(value, second[key]) for key, value in first.items())

    from mmengine.registry import init_default_scope
    from mmseg.apis import init_model

    init_default_scope("mmseg")
    monkeypatch.chdir(folder)
    network = init_model("my_pspnet.py", device="cpu")
    network.load_state_dict(first)
