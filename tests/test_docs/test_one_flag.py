"""docs/one_flag.md: its configs and commands, on real digits and on scenes of them."""

import re
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import mmdet
import mmpretrain
import pytest
import torch
from tool_runs import ROOT, run_shell

from mmkd.composition import TeacherChoice, compose

TEXT = (ROOT / "docs/one_flag.md").read_text()
FILES = dict(re.findall(r"```python\n# file: (\S+)\n(.*?)```", TEXT, re.DOTALL))
CLASSIFIER, DETECTOR = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
LOADERS = [
    f"{split}_dataloader.{option}"
    for split in ("train", "val", "test")
    for option in ("num_workers=0", "persistent_workers=False", "dataset.indices=8")
]
FEW = [*LOADERS, "train_dataloader.batch_size=4", "train_cfg.max_epochs=1"]
SMALL = {
    CLASSIFIER: [
        "train_dataloader.dataset.pipeline.1.scale=64",
        "val_dataloader.dataset.pipeline.2.crop_size=64",
        "test_dataloader.dataset.pipeline.2.crop_size=64",
    ],
    DETECTOR: [
        "train_dataloader.dataset.pipeline.2.scale=(96,96)",
        "val_dataloader.dataset.pipeline.1.scale=(96,96)",
        "test_dataloader.dataset.pipeline.1.scale=(96,96)",
    ],
}


def write_digits(folder: Path) -> None:
    """Write a few of scikit-learn's digits as images, in a folder for each class."""
    import cv2
    from sklearn.datasets import load_digits

    digits = load_digits()
    for index, (image, label) in enumerate(zip(digits.images[:60], digits.target, strict=False)):
        place = folder / ("val" if index % 3 == 0 else "train") / str(label)
        place.mkdir(parents=True, exist_ok=True)
        pixels = cv2.resize((image * 15).astype("uint8"), (64, 64))
        assert cv2.imwrite(str(place / f"{index}.png"), pixels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the page's files and the tools."""
    place = tmp_path_factory.mktemp("one_flag")
    (place / "tools").symlink_to(ROOT / "tools")
    for name, content in FILES.items():
        (place / name).write_text(content)
    write_digits(place / "data/images")
    return place


def run(commands: str, folder: Path) -> list[str]:
    """Run the page's commands on few small images for one epoch, and return what they printed."""
    printed = []
    for command in commands.replace("\\\n", " ").splitlines():
        command = re.sub(r"epoch_\d+", "epoch_1", command)
        if "make_scenes" in command:
            command += " --train 8 --val 8"
        else:
            options = [*FEW, *SMALL[commands]]
            part = "model.student" if "--method" in command else "model"
            if "detector" in command:
                options.append(f"{part}.backbone.init_cfg=None")
            command += " --cfg-options " + " ".join(f"'{option}'" for option in options)
        printed.append(run_shell(command, folder))
    return printed


@pytest.mark.parametrize(
    ("student", "teacher", "methods", "terms"),
    [
        ("my_student.py", "my_teacher.py", ["erkd"], {"kd"}),
        ("my_detector.py", "big_detector.py", ["erkd", "pkd"], {"kd", "pkd"}),
    ],
)
def test_the_pages_flags_compose(
    student: str, teacher: str, methods: list[str], terms: set[str], folder: Path
) -> None:
    choice = TeacherChoice(str(folder / teacher), None)
    config = compose(str(folder / student), [choice], methods)
    assert config.model.terms.keys() == terms


@pytest.mark.slow
def test_the_classifiers_commands(folder: Path) -> None:
    *_, distilled, tested = run(CLASSIFIER, folder)
    assert "loss_kd" in distilled
    assert "accuracy/top1" in tested


@pytest.mark.slow
def test_the_detectors_commands(folder: Path) -> None:
    *_, distilled, tested = run(DETECTOR, folder)
    assert "loss_kd" in distilled
    assert "loss_pkd" in distilled
    assert "Epoch(test) [8/8]" in tested  # a detector of one epoch finds nothing
    [composed] = folder.glob("work_dirs/*/erkd*_my_detector.py")
    own = Path(mmdet.__file__).parent / ".mim/tools/train.py"
    run_shell(f"python {own} {composed} --work-dir stock", folder)
    assert_same(composed.parent, folder / "stock")


@pytest.mark.slow
def test_the_config_that_is_written_repeats_the_run_bit_for_bit(folder: Path) -> None:
    """Our tool and mmpretrain's own repeat it."""
    own = Path(mmpretrain.__file__).parent / ".mim/tools/train.py"
    teacher = "--teacher my_teacher.py random --method erkd --work-dir first"
    run_one = "python tools/train.py my_student.py " + teacher
    options = " ".join([*FEW, *SMALL[CLASSIFIER]])
    commands = [
        f"{run_one} --cfg-options {options}",
        "python tools/train.py first/erkd_my_student.py --work-dir second",
        f"python {own} first/erkd_my_student.py --work-dir third --no-persistent-workers",
    ]
    for command in commands:
        run_shell(command, folder)
    assert_same(folder / "first", folder / "second")
    assert_same(folder / "first", folder / "third")


def assert_same(one: Path, other: Path) -> None:
    """Compare the students of two runs after one epoch, bit for bit."""
    first, second = (
        torch.load(folder / "epoch_1_student.pth", weights_only=True)["state_dict"]
        for folder in (one, other)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
