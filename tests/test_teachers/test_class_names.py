"""Class maps by the names in the data of student and teacher."""

import pytest
import runs
import tiny
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from mmpretrain.datasets import CIFAR10
from runs import separate_runs  # noqa: F401

from mmkd.teachers.class_names import (
    map_by_names,
    meta_classes,
    network_classes,
    parse_class_map,
)

STUDENT = ["cat", "dog", "Traffic Light", "owl", "zebra"]
TEACHER = ["dog", "emu", "traffic_light", "cat", "owl", "gnu"]
PAIRS = [3, 0, 2, 4, None]
COCO = "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py"


@DATASETS.register_module(force=True)
class NamedImages(runs.TinyImages):
    """Images whose class names are in the config."""

    def __init__(self, metainfo, **arguments):
        super().__init__(**arguments)
        self.metainfo = metainfo


def by_names(model, **class_map):
    """A distiller whose teacher has the classes of TEACHER."""
    return tiny.distiller(
        teacher=dict(model=tiny.classifier(6, classes=6), class_map=class_map), **model
    )


def config_file(path, classes, width=6, names=None):
    dataset = dict(type="NamedImages", metainfo=dict(classes=names))
    model = tiny.classifier(width, classes=classes, data_preprocessor=tiny.PREPROCESSOR)
    settings = dict(model=model, train_dataloader=dict(dataset=dataset))
    Config({**settings, "default_scope": "mmpretrain"}).dump(path)
    return str(path)


def test_names_are_matched_but_for_case_and_underscores():
    mapped = map_by_names("t", STUDENT, TEACHER)
    assert mapped.student_classes == [0, 1, 2, 3]
    assert mapped.teacher_classes == PAIRS[:4]


def test_what_is_shared_is_logged(monkeypatch):
    lines = []
    monkeypatch.setattr("mmkd.teachers.class_names.print_log", lambda line, _: lines.append(line))
    map_by_names("t", STUDENT, TEACHER)
    assert lines == [
        "Class map by name: the teacher 't' has 4 of the student's 5 classes; it lacks zebra."
    ]


def test_a_name_of_two_classes_is_ambiguous_unless_all_names_agree():
    with pytest.raises(ValueError, match=r"several are called crane\. Give the class_map by ind"):
        map_by_names("t", ["crane", "owl"], ["crane", "crane"])
    with pytest.raises(ValueError, match="several are called crane, crane"):
        map_by_names("t", ["crane", "owl", "crane"], ["crane", "emu"])
    same = ["crane", "owl", "crane"]
    assert map_by_names("t", same, same).teacher_classes == [0, 1, 2]
    assert map_by_names("t", ["owl"], same).teacher_classes == [1]


def test_without_a_common_name_both_lists_are_shown():
    many = [f"class {index}" for index in range(30)]
    with pytest.raises(ValueError, match=r"in common.* are class 0, .* and 10 more; .* emu, gnu"):
        map_by_names("t", many, ["emu", "gnu"])


def test_names_in_the_config_of_the_teacher():
    model = by_names({}, student=STUDENT, teacher=TEACHER)
    assert model.teachers["teacher"].class_map.teacher_classes == PAIRS[:4]
    torch.manual_seed(0)
    named = tiny.losses_of(by_names({}, student=STUDENT, teacher=TEACHER))
    torch.manual_seed(0)
    teacher = dict(model=tiny.classifier(6, classes=6), class_map=PAIRS)
    assert named["loss_kd"] == tiny.losses_of(tiny.distiller(teacher=teacher))["loss_kd"]


@pytest.mark.parametrize(
    ("class_map", "message"),
    [
        ("by_names", "'by_names' is no class map: give 'by_name'"),
        (dict(studnet=STUDENT), "studnet.* is no class map"),
        (dict(cat="dog"), "is no class map"),
        (dict(student="cat"), "is no class map"),
        (dict(student=[0, 1]), "is no class map"),
        (dict(student=STUDENT[:3], teacher=TEACHER), "of 3 classes of the student, which has 5"),
        (dict(student=STUDENT, teacher=TEACHER[:5]), "of 5 classes of the teacher .*which has 6"),
        (dict(student=STUDENT), "the teacher's names are not known, its checkpoint's meta or"),
        (dict(teacher=TEACHER), r"the student's names are not known.*class_map=dict\(student="),
        ("by_name", "names are not known"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_when_the_model_is_built(class_map, message):
    teacher = dict(model=tiny.classifier(6, classes=6), class_map=class_map)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        tiny.distiller(teacher=teacher)


@pytest.mark.parametrize(
    "meta",
    [
        dict(dataset_meta=dict(classes=tuple(TEACHER))),
        dict(dataset_meta=dict(CLASSES=TEACHER)),
        dict(CLASSES=tuple(TEACHER)),  # before MMEngine
    ],
    ids=str,
)
def test_names_in_a_checkpoint(tmp_path, meta):
    file = runs.initialised(tiny.classifier(6, classes=6), tmp_path / "teacher.pth")
    torch.save(dict(torch.load(file), meta=meta), file)
    model = tiny.distiller(
        student=config_file(tmp_path / "student.py", 5, 4, STUDENT),
        teacher=dict(model=tiny.classifier(6, classes=6), checkpoint=file, class_map="by_name"),
        data_preprocessor=None,
    )
    assert model.teachers["teacher"].class_map.teacher_classes == PAIRS[:4]


def test_names_in_the_config_file_of_a_teacher(tmp_path):
    file = config_file(tmp_path / "teacher.py", 6, names=TEACHER)
    for model in (file, dict(config=file)):
        teacher = dict(model=model, class_map=dict(student=STUDENT))
        class_map = tiny.distiller(teacher=teacher).teachers["teacher"].class_map
        assert class_map.teacher_classes == PAIRS[:4]


def test_names_that_a_module_carries():
    network = torch.nn.Linear(1, 1)
    network.dataset_meta = dict(classes=TEACHER)  # as mmdet's init_detector leaves it
    assert network_classes(network) == TEACHER
    assert network_classes(torch.nn.Linear(1, 1)) is None
    assert network_classes(tiny.classifier()) is None


def test_of_a_run_the_data_says_the_students_names(tmp_path):
    """Also where the student's own config file is about other data."""
    student = config_file(tmp_path / "student.py", 5, 4, [f"other {i}" for i in range(5)])
    teacher = dict(model=tiny.classifier(6, classes=6), class_map=dict(teacher=TEACHER))
    data = runs.loader(metainfo=dict(classes=STUDENT))
    data["dataset"]["type"] = "NamedImages"
    plain = data["dataset"]
    for dataset in (dict(type="RepeatDataset", dataset=plain, times=2), plain):
        data["dataset"] = dataset
        model = runs.distiller(student=student, teacher=teacher)
        settings = runs.config(tmp_path, model, train_dataloader=data)
        runner = Runner.from_cfg(settings)
        assert runner.model.teachers["teacher"].class_map.teacher_classes == PAIRS[:4]
    runner.train()
    assert runner.iter == 4


def test_names_that_a_data_set_has_by_itself(tmp_path):
    for dataset, expected in (
        (dict(type="CIFAR10"), CIFAR10.METAINFO["classes"]),
        (dict(type="CIFAR10", metainfo=dict(classes=STUDENT)), STUDENT),
        (dict(type="CustomDataset", classes=STUDENT), STUDENT),
        (dict(type="CustomDataset"), None),
        (dict(type="ConcatDataset", datasets=[dict(type="CIFAR10")]), CIFAR10.METAINFO["classes"]),
    ):
        Config(dict(default_scope="mmpretrain", test_dataloader=dict(dataset=dataset))).dump(
            tmp_path / "x.py"
        )
        found = network_classes(str(tmp_path / "x.py"))
        assert found == (None if expected is None else list(expected))


def test_names_in_a_file(tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(STUDENT))
    dataset = dict(type="CIFAR10", metainfo=dict(classes=str(tmp_path / "names.txt")))
    Config(dict(default_scope="mmpretrain", train_dataloader=dict(dataset=dataset))).dump(
        tmp_path / "x.py"
    )
    assert network_classes(str(tmp_path / "x.py")) == STUDENT


def test_indices_and_nothing_are_no_names():
    assert parse_class_map(None) is None
    assert parse_class_map([1, None]).teacher_classes == [1]
    assert parse_class_map({0: 1}).teacher_classes == [1]
    assert meta_classes({}) is None


def test_of_detectors_released_with_mmdet():
    lvis = "mmdet::lvis/mask-rcnn_r50_fpn_sample1e-3_ms-1x_lvis-v1.py"
    names = {name: network_classes(f) for name, f in dict(coco=COCO, lvis=lvis).items()}
    assert [len(classes) for classes in names.values()] == [80, 1203]
    shared = map_by_names("t", names["coco"], names["lvis"])
    pairs = dict(zip(shared.student_classes, shared.teacher_classes, strict=True))
    bat = names["coco"].index("baseball bat")
    assert names["lvis"][pairs[bat]] == "baseball_bat"
