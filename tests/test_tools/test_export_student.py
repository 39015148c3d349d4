"""tools/model_converters/export_student.py, and its files in stock mmpretrain."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from tool_runs import ROOT, WITHOUT_MMKD, Tool, run_tool

EXPORT = "model_converters/export_student.py"
KD = ROOT / "configs/quickstart/kd_digits.py"

# A distillation config in which everything but the distiller is mmpretrain's own.
STOCK = """
default_scope = "mmpretrain"
custom_imports = dict(imports=["mmkd"])

def classifier(width):
    return dict(
        type="mmpretrain.ImageClassifier",
        backbone=dict(
            type="ResNet_CIFAR", depth=18, base_channels=width, stem_channels=width,
            out_indices=(3,),
        ),
        neck=dict(type="GlobalAveragePooling"),
        head=dict(type="LinearClsHead", num_classes=2, in_channels=8 * width, topk=(1,)),
    )

model = dict(
    type="mmkd.Distiller", student=classifier(4), teacher=dict(model=classifier(4)),
    input_shape=(3, 16, 16), terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss"))),
)
del classifier
data_preprocessor = dict(num_classes=2, mean=[120.0] * 3, std=[60.0] * 3, to_rgb=True)
loader = dict(
    batch_size=4, num_workers=1, sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="CustomDataset", data_prefix="images",
        pipeline=[dict(type="LoadImageFromFile"), dict(type="PackInputs")],
    ),
)
train_dataloader = val_dataloader = test_dataloader = loader
val_evaluator = test_evaluator = [
    dict(type="Accuracy", topk=(1,)), dict(type="mmkd.TeacherAgreement"),
]
custom_hooks = [dict(type="mmkd.StepCheckHook"), dict(type="mmkd.StudentCheckpointHook")]
train_cfg = dict(by_epoch=True, max_epochs=1)
val_cfg = test_cfg = dict()
val_evaluator = [dict(type="Accuracy", topk=(1,))]
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.1))
"""


@pytest.mark.slow
def test_stock_mmpretrain_tests_the_student_without_mmkd(tool: Tool, tmp_path: Path) -> None:
    import mmpretrain

    generator = np.random.RandomState(0)
    for index in range(8):
        folder = tmp_path / "images" / f"class{index % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.randint(0, 256, (16, 16, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    (tmp_path / "config.py").write_text(STOCK)
    tool("train.py", "config.py")
    exported = tool(EXPORT, "config.py", "work_dirs/config/epoch_1.pth", "--out-dir", "out")
    assert "needs no mmkd" in exported.stdout
    own = Path(mmpretrain.__file__).parent / ".mim/tools/test.py"
    files = ["out/epoch_1_student.py", "out/epoch_1_student.pth"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MMKD, own, *files, "--work-dir", tmp_path / "tested"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "accuracy/top1" in done.stdout
    assert "missing keys" not in done.stdout
    assert "unexpected key" not in done.stdout


@pytest.mark.slow
def test_the_files_build_and_load_strictly(distilled: Path, tmp_path: Path) -> None:
    import mmpretrain
    from mmengine.registry import DefaultScope

    done = run_tool(EXPORT, KD, distilled / "epoch_1.pth", "--out-dir", tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "needs mmkd" in done.stdout, "its network and data are mmkd's"
    config = Config.fromfile(tmp_path / "epoch_1_student.py")
    assert config.model.type == "mmpretrain.ImageClassifier"
    assert "mmkd" in config.custom_imports.imports
    assert not config.custom_hooks
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = mmpretrain.registry.MODELS.build(config.model)
    checkpoint = torch.load(tmp_path / "epoch_1_student.pth", weights_only=True)
    model.load_state_dict(checkpoint["state_dict"], strict=True)
    assert checkpoint["meta"]["dataset_meta"]["classes"][9] == "9"


@pytest.mark.parametrize(
    ("config", "checkpoint", "words"),
    [
        ("student_digits.py", "epoch_1.pth", "no distiller of mmkd"),
        ("kd_digits.py", "epoch_1_student.pth", "holds no student"),
        ("kd_digits.py", "lost.pth", "lost.pth"),
        ("lost.py", "epoch_1.pth", "lost.py"),
    ],
)
def test_says_what_it_cannot_export(
    distilled: Path, config: str, checkpoint: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import runpy

    arguments = [ROOT / "configs/quickstart" / config, distilled / checkpoint]
    monkeypatch.setattr(sys, "argv", ["export_student.py", *map(str, arguments)])
    with pytest.raises(SystemExit, match=words):
        runpy.run_path(str(ROOT / "tools" / EXPORT), run_name="__main__")
