import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from runs import checkpoints, distiller, equal, loader, log_text, run, validation, weights
from tiny import CLASSES, KD, PREPROCESSOR, classifier

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.networks.building import build_network, network_config

SUFFIX = "_student.pth"
HINT = dict(loss=dict(type="mmkd.HintLoss"), student="backbone", teacher="backbone")
STOCK = dict(
    type="mmpretrain.ImageClassifier",
    backbone=dict(type="ResNet_CIFAR", depth=18, base_channels=4, stem_channels=4),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(type="LinearClsHead", num_classes=CLASSES, in_channels=32),
)


@HOOKS.register_module()
class ExpectStudents(Hook):
    """Fails where an iteration begins and a checkpoint has no student beside it, or another one."""

    priority = "LOWEST"

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter > 0:
            assert_each_has_its_student(Path(runner.work_dir))


def epochs(count):
    return dict(train_cfg=dict(by_epoch=True, max_epochs=count, val_interval=1))


def iterations(count):
    return dict(
        train_cfg=dict(by_epoch=False, max_iters=count, val_interval=count),
        train_dataloader=loader(endless=True),
    )


def student_files(folder):
    return {path.name.removesuffix(SUFFIX): path for path in folder.glob(f"*{SUFFIX}")}


def checkpoint_files(folder):
    return {path.stem: path for path in folder.glob("*.pth") if not path.name.endswith(SUFFIX)}


def assert_each_has_its_student(folder):
    files, students = checkpoint_files(folder), student_files(folder)
    assert files.keys() == students.keys()
    for name, path in files.items():
        whole = load_checkpoint(path)["state_dict"]
        student = load_checkpoint(students[name])["state_dict"]
        assert equal(student, {k[8:]: v for k, v in whole.items() if k.startswith("student.")})
    assert not [*folder.glob("*.tmp")]
    return sorted(files)


def test_there_is_a_file_beside_each_checkpoint_and_the_best(tmp_path):
    run(tmp_path, **validation(), **checkpoints(save_best="accuracy/top1"))
    names = assert_each_has_its_student(tmp_path)
    assert names[0].startswith("best_accuracy_top1_epoch_")
    assert names[1:] == ["epoch_1", "epoch_2"]


def test_they_go_with_their_checkpoints(tmp_path):
    fields = checkpoints(
        max_keep_ckpts=1, save_best=["accuracy/top1", "calibration/nll"], rule="less"
    )
    metrics = [dict(type="Accuracy", topk=(1,)), dict(type="mmkd.Calibration")]
    run(tmp_path, **epochs(4), **validation(val_evaluator=metrics), **fields)
    names = assert_each_has_its_student(tmp_path)
    assert len(names) == 3
    assert "epoch_4" in names


def test_iterations_that_save_get_theirs_at_once(tmp_path):
    fields = checkpoints(by_epoch=False, interval=2, max_keep_ckpts=2)
    fields["custom_hooks"].append(dict(type="ExpectStudents"))
    run(tmp_path, **iterations(6), **fields)
    assert assert_each_has_its_student(tmp_path) == ["iter_4", "iter_6"]


def test_it_holds_the_plain_students_weights_and_nothing_else(tmp_path):
    runner = run(tmp_path, distiller(terms=dict(**KD, hint=HINT)), **checkpoints())
    whole = load_checkpoint(tmp_path / "epoch_2.pth")
    assert any(key.startswith("terms.") for key in whole["state_dict"])  # the connector's
    file = torch.load(tmp_path / "epoch_2_student.pth", weights_only=True)
    assert file.keys() == {"meta", "state_dict"}
    assert equal(file["state_dict"], weights(runner))
    assert file["meta"]["epoch"] == 2
    plain = build_network(network_config(classifier(data_preprocessor=PREPROCESSOR)))
    plain.load_state_dict(file["state_dict"], strict=True)


def test_with_ema_it_holds_the_averaged_weights(tmp_path):
    fields = checkpoints()
    fields["custom_hooks"].append(dict(type="EMAHook", momentum=0.3))
    runner = run(tmp_path, **validation(), **fields)
    [ema] = [hook for hook in runner.hooks if type(hook).__name__ == "EMAHook"]
    file = load_checkpoint(tmp_path / "epoch_2_student.pth")["state_dict"]
    averaged = dict(ema.ema_model.module.student.named_parameters())
    assert all(torch.equal(file[key], value) for key, value in averaged.items())
    assert not all(torch.equal(file[key], weights(runner)[key]) for key in averaged)


def test_a_resumed_run_leaves_the_earlier_files_as_they_are(tmp_path):
    fields = dict(**validation(), **checkpoints(save_best="accuracy/top1", rule="less"))
    run(tmp_path, **epochs(1), **fields)
    before = {path: path.read_bytes() for path in student_files(tmp_path).values()}
    run(tmp_path, **epochs(3), resume=True, **fields)
    assert assert_each_has_its_student(tmp_path)[-3:] == ["epoch_1", "epoch_2", "epoch_3"]
    kept = {path: content for path, content in before.items() if path.exists()}
    assert tmp_path / "epoch_1_student.pth" in kept
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_a_resumed_run_removes_the_earlier_files_with_their_checkpoints(tmp_path):
    fields = checkpoints(max_keep_ckpts=1)
    run(tmp_path, **epochs(1), **fields)
    run(tmp_path, **epochs(3), resume=True, **fields)
    assert assert_each_has_its_student(tmp_path) == ["epoch_3"]


@pytest.mark.parametrize("length", [epochs(2), iterations(4)], ids=["epochs", "iterations"])
def test_a_new_run_in_the_same_folder_replaces_them(tmp_path, length):
    fields = checkpoints(by_epoch=length["train_cfg"]["by_epoch"])
    fields["custom_hooks"].append(dict(type="ExpectStudents"))
    run(tmp_path, **length, **fields)
    run(tmp_path, randomness=dict(seed=1), **length, **fields)
    assert_each_has_its_student(tmp_path)


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "other.pth").write_text("no checkpoint")
    (tmp_path / "kept_student.pth").write_text("no checkpoint")
    run(tmp_path, **checkpoints())
    assert (tmp_path / "other.pth").read_text() == "no checkpoint"
    assert sorted(student_files(tmp_path)) == ["epoch_1", "epoch_2", "kept"]


def test_a_folder_of_checkpoints_elsewhere_gets_them(tmp_path):
    run(tmp_path / "work", **checkpoints(out_dir=str(tmp_path / "out")))
    assert assert_each_has_its_student(tmp_path / "out" / "work") == ["epoch_1", "epoch_2"]
    assert not student_files(tmp_path / "work")


def test_a_plain_model_is_left_alone(tmp_path):
    run(tmp_path, classifier(), **checkpoints())
    assert sorted(checkpoint_files(tmp_path)) == ["epoch_1", "epoch_2"]
    assert not student_files(tmp_path)


def test_storage_that_is_not_a_local_folder_is_warned_about(tmp_path):
    fields = checkpoints(backend_args=dict(backend="http"), interval=9, save_last=False)
    assert "written to local folders only" in log_text(run(tmp_path, **fields))


LOAD_IN_STOCK = """
import sys

class NoMmkd:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mmkd":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoMmkd())
import torch

try:
    import torchvision
except RuntimeError:  # a CUDA build beside a CPU torch: mmkd's remedy, by hand
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from mmengine.config import Config
from mmpretrain.registry import MODELS
from mmpretrain.utils import register_all_modules

register_all_modules()
model = MODELS.build(Config.fromfile("student.py").model).eval()
model.load_state_dict(torch.load(sys.argv[1], weights_only=True)["state_dict"], strict=True)
with torch.no_grad():
    torch.save(model(torch.ones(2, 3, 32, 32), mode="tensor"), "output.pth")
assert "mmkd" not in sys.modules
"""


@pytest.mark.slow
def test_it_loads_strictly_in_stock_mmpretrain_without_mmkd(tmp_path):
    runner = run(tmp_path, distiller(student=STOCK), **checkpoints())
    plain = STOCK | dict(type="ImageClassifier", data_preprocessor=PREPROCESSOR)
    Config(dict(model=plain)).dump(tmp_path / "student.py")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", LOAD_IN_STOCK, "epoch_2_student.pth"],
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    student = runner.model.student.eval()
    with torch.no_grad():
        expected = student(torch.ones(2, 3, 32, 32), mode="tensor")
    assert torch.equal(torch.load(tmp_path / "output.pth")[0], expected[0])


def test_the_student_that_a_kill_swallowed_is_made_up(tmp_path):
    one = dict(train_cfg=dict(by_epoch=True, max_epochs=1))
    fields = checkpoints()
    run(tmp_path, **one, **fields)
    expected = torch.load(tmp_path / "epoch_1_student.pth")["state_dict"]
    (tmp_path / "epoch_1_student.pth").unlink()
    run(tmp_path, resume=True, **fields)
    assert equal(torch.load(tmp_path / "epoch_1_student.pth")["state_dict"], expected)
