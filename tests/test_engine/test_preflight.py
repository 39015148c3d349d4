"""Checks of a run's needs before anything is built."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmkd.engine.launch import ArgumentError
from mmkd.engine.preflight import check_run, misspelt_keys

TRAIN = ["train_dataloader", "val_dataloader"]
NETWORK = "mmpretrain::resnet/resnet18_8xb32_in1k.py"


def coco(root: Path) -> dict[str, Any]:
    labels = dict(data_root=str(root), ann_file="labels.json", data_prefix=dict(img="images/"))
    return dict(dataset=dict(type="RepeatDataset", dataset=dict(type="CocoDataset", **labels)))


def problems(config: dict[str, Any], trains: bool = True) -> list[str]:
    with pytest.raises(ArgumentError, match=r"^the run cannot start\.") as error:
        check_run(Config(config), TRAIN, trains)
    return str(error.value).splitlines()[1:]


@pytest.fixture
def host() -> Iterator[str]:
    """A host that has `here.pth` and nothing else."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path == "/here.pth" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def distiller(**teacher: Any) -> dict[str, Any]:
    return dict(model=dict(type="mmkd.Distiller", student=NETWORK, teacher=teacher, terms={}))


def test_missing_data_are_named_once_by_their_outermost_folder(tmp_path: Path) -> None:
    pytest.importorskip("mmdet")
    lost = coco(tmp_path / "lost")
    config = dict(train_dataloader=lost, val_dataloader=lost, default_scope="mmdet")
    config["val_evaluator"] = dict(type="CocoMetric", ann_file=str(tmp_path / "lost/labels.json"))
    [line] = problems(config)
    assert f"there is no {tmp_path / 'lost'} " in line
    assert "train_dataloader and val_dataloader" in line
    (tmp_path / "lost/images").mkdir(parents=True)
    [line] = problems(config)
    assert f"there is no {tmp_path / 'lost/labels.json'}" in line
    (tmp_path / "lost/labels.json").touch()
    check_run(Config(config), TRAIN, trains=True)


def test_data_that_a_data_set_downloads_or_that_are_elsewhere_are_not_looked_for() -> None:
    cifar = dict(type="CIFAR100", data_prefix="nowhere")
    far = dict(type="CustomDataset", data_root="s3://bucket", data_prefix="train")
    loaders = dict(train_dataloader=dict(dataset=cifar), val_dataloader=dict(dataset=far))
    check_run(Config(dict(**loaders, default_scope="mmpretrain")), TRAIN, trains=True)
    cifar["download"] = False
    loaders["val_dataloader"] = None
    [line] = problems(dict(**loaders, default_scope="mmpretrain"))
    assert "there is no nowhere" in line


def test_a_missing_network_and_checkpoint_are_named(tmp_path: Path) -> None:
    lines = problems(distiller(model="nowhere/x.py", checkpoint="nowhere/x.pth"))
    assert "The config of the teacher 'teacher' cannot be read" in lines[0]
    assert "there is no file nowhere/x.pth" in lines[1]
    (tmp_path / "x.pth").touch()
    check_run(Config(distiller(model=NETWORK, checkpoint=str(tmp_path / "x.pth"))), TRAIN, True)


def test_an_address_is_tried_unless_its_file_was_downloaded_before(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    check_run(Config(distiller(model=NETWORK, checkpoint=f"{host}/here.pth")), TRAIN, True)
    config = distiller(model=NETWORK, checkpoint=f"{host}/gone.pth")
    [line] = problems(config)
    assert "the host says 404" in line
    [line] = problems(distiller(model=NETWORK, checkpoint="http://127.0.0.1:1/x.pth"))
    assert "refused" in line
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/gone.pth").touch()
    check_run(Config(config), TRAIN, True)


def test_pretrained_weights_are_looked_for_where_networks_are_initialised() -> None:
    model = dict(type="ImageClassifier", backbone=dict(init_cfg=dict(type="Pretrained")))
    model["backbone"]["init_cfg"]["checkpoint"] = "lost.pth"
    [line] = problems(dict(model=model))
    assert "pretrained weights of the student" in line
    check_run(Config(dict(model=model)), TRAIN, trains=False)


@pytest.mark.parametrize("key", ["custom_hook", "optim_wraper", "param_schedulers", "train_cfgs"])
def test_a_misspelt_key_is_named(key: str) -> None:
    [line] = misspelt_keys(Config({key: [], "model": {}}))
    assert f"{key!r} means nothing. Did you mean" in line


@pytest.mark.parametrize(
    "name",
    [
        "mmkd::erkd/fasterrcnn_r101_r18_coco.py",
        "mmkd::kd/resnet32x4_resnet8x4_cifar100.py",
        "mmdet::rtmdet/rtmdet_s_8xb32-300e_coco.py",
        "mmdet::yolox/yolox_s_8xb8-300e_coco.py",
        "mmpretrain::vision_transformer/vit-base-p16_64xb64_in1k.py",
    ],
)
def test_variables_of_good_configs_are_no_misspelt_keys(name: str) -> None:
    assert [*misspelt_keys(Config.fromfile(name))] == []


def test_mistakes_in_parts_that_the_runner_builds_are_named() -> None:
    lines = problems(
        dict(
            custom_hooks=[dict(type="mmkd.StatisticsHook", intervall=3), dict(type="EMAHook")],
            val_evaluator=dict(type="mmkd.CalibrationEror"),
            model=dict(type="mmkd.Distiller", student=NETWORK, teachr={}, terms={}),
        )
    )
    assert any("Did you mean 'teacher'" in line for line in lines)
    assert any("Did you mean 'interval'" in line for line in lines)
    assert any("mmkd has no metric 'CalibrationEror'" in line for line in lines)


def test_a_setting_of_the_student_that_the_distiller_got_is_told_its_place() -> None:
    config = distiller(model=NETWORK)
    config["model"]["head"] = dict(num_classes=3)
    line, *_ = problems(config)
    assert line == "- model.head is a setting of the student: write model.student.head."


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    hooks = [dict(type=f"mmkd.Hook{k}") for k in range(9)]
    lines = problems(dict(custom_hooks=hooks))
    assert len(lines) == 7
    assert lines[-1] == "- and 3 more"


def test_parts_for_which_mmengine_has_a_default_type_need_none() -> None:
    config = Config(
        dict(
            optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)),
            val_evaluator=dict(metrics=dict(type="Accuracy")),
            train_dataloader=dict(batch_size=2, dataset=dict(type="mmkd.Digits", split="train")),
        )
    )
    check_run(config, TRAIN, trains=True)


def test_parts_without_a_default_type_have_to_name_one() -> None:
    lines = problems(dict(custom_hooks=[dict(interval=3)], val_evaluator=[dict(topk=1)]))
    assert [line.partition(" names no type")[0] for line in lines] == [
        "- {'interval': 3}",
        "- {'topk': 1}",
    ]


def test_metrics_of_an_evaluator_are_checked() -> None:
    metrics = [dict(type="mmkd.Calibraton")]
    [line] = problems(dict(test_evaluator=dict(type="Evaluator", metrics=metrics)))
    assert "Did you mean 'Calibration'" in line
