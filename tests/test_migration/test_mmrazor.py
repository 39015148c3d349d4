"""Conversion of mmrazor's configs: each form of a key, and the formulas behind the losses."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, mse_loss, softmax

from mmkd.migration import Conversion, NotConvertibleError, convert
from mmkd.migration.losses import LOSSES, Entry
from mmkd.networks.building import network_config
from mmkd.registry import MODELS

# Paths, because names of packages take seconds: their indices are read.
MODELS_FOLDER = Path(__file__).resolve().parents[2] / "configs/_base_/models/cifar"
STUDENT, TEACHER = (str(MODELS_FOLDER / f"resnet{name}.py") for name in ("8x4", "32x4"))
FC = dict(fc=dict(type="ModuleOutputs", source="head.fc"))


def mapping(side: bool, recorder: str = "fc", **others: Any) -> dict[str, Any]:
    return dict(from_student=side, recorder=recorder, **others)


PAIR = dict(preds_S=mapping(True), preds_T=mapping(False))
KL = dict(
    type="ConfigurableDistiller",
    student_recorders=FC,
    teacher_recorders=FC,
    distill_losses=dict(loss_kl=dict(type="KLDivergence", tau=2, loss_weight=3)),
    loss_forward_mappings=dict(loss_kl=PAIR),
)


def config_of(distiller: dict[str, Any] = KL, **model: Any) -> Config:
    settings = dict(
        _scope_="mmrazor",
        type="SingleTeacherDistill",
        architecture=dict(cfg_path=STUDENT, pretrained=False),
        teacher=dict(cfg_path=TEACHER, pretrained=False),
        teacher_ckpt="teacher.pth",
        distiller=distiller,
    )
    run = dict(
        default_scope="mmcls",
        val_cfg=dict(type="mmrazor.SingleTeacherDistillValLoop"),
        teacher_ckpt="teacher.pth",
    )
    return Config(dict(run, model=settings | model))


def refused(config: Config, partial: bool = False) -> str:
    with pytest.raises(NotConvertibleError) as error:
        convert(config, partial)
    return str(error.value)


def of_one(loss: dict[str, Any], side: dict[str, Any], **others: Any) -> Conversion:
    """Convert a config with one loss, on features of the backbone."""
    recorders = dict(fc=dict(type="ModuleOutputs", source="backbone.layer4.1.bn2"))
    distiller = dict(
        type="ConfigurableDistiller",
        student_recorders=recorders,
        teacher_recorders=recorders,
        distill_losses=dict(loss_s4=loss),
        loss_forward_mappings=dict(
            loss_s4=dict(s_feature=mapping(True, **side), t_feature=mapping(False, **others))
        ),
        connectors=CONNECTORS,
    )
    return convert(config_of(distiller))


CONNECTORS = dict(
    bn=dict(type="ConvModuleConnector", in_channel=2, out_channel=4, norm_cfg=dict(type="BN")),
    linear=dict(type="ConvModuleConnector", in_channel=2, out_channel=4, act_cfg=None),
    masks=dict(type="MGDConnector", student_channels=2, teacher_channels=4, lambda_mgd=0.4),
    translator=dict(type="Translator", in_channel=2, out_channel=4),
    paraphraser=dict(type="Paraphraser", in_channel=8, out_channel=4, phase="train"),
    margins=dict(type="OFDTeacherConnector"),
    large=dict(type="ConvModuleConnector", in_channel=2, out_channel=4, kernel_size=3),
    other=dict(type="TorchNNConnector", module_name="ReLU"),
)
CONNECTORS["plain"] = dict(CONNECTORS["bn"], act_cfg=None)


def test_a_config_becomes_one_of_mmkd() -> None:
    conversion = convert(config_of())
    config = conversion.config
    assert config.model.to_dict() == dict(
        type="mmkd.Distiller",
        student=STUDENT,
        teacher=dict(model=TEACHER, checkpoint="teacher.pth"),
        terms=dict(
            kl=dict(
                student="head.fc",
                teacher="head.fc",
                loss=dict(type="mmkd.KDLoss", temperature=2.0),
                weight=3,
            )
        ),
    )
    assert config.default_scope == "mmpretrain"
    assert config.val_cfg == {}
    assert "teacher_ckpt" not in config  # a variable of the file
    assert "mmkd" in config.custom_imports["imports"]
    assert dict(type="mmkd.TeacherEvaluationHook") in config.custom_hooks
    assert conversion.notes == []


def test_the_algorithms_normalisation_is_the_students() -> None:
    given = dict(type="ImgDataPreprocessor", mean=[1.0, 2.0, 3.0], bgr_to_rgb=True)
    student = convert(config_of(data_preprocessor=given)).config.model.student
    assert student.data_preprocessor == dict(mean=[1.0, 2.0, 3.0], to_rgb=True)
    built = network_config(student.to_dict())
    assert built["backbone"]["depth"] == 8
    assert built["data_preprocessor"] == student.data_preprocessor


def test_the_runs_normalisation_is_that_of_a_student_without_one() -> None:
    config = config_of()
    config.data_preprocessor = dict(mean=[1.0], std=[2.0])
    converted = convert(config).config
    assert converted.model.student.data_preprocessor == dict(mean=[1.0], std=[2.0])
    assert "data_preprocessor" not in converted


def test_a_student_in_the_file_keeps_its_settings() -> None:
    own = dict(
        type="ImageClassifier", backbone=dict(type="mmcls.ResNet_CIFAR", depth=18), head=None
    )
    given = dict(type="ImgDataPreprocessor", mean=[0.0], std=[255.0], bgr_to_rgb=False)
    model = convert(config_of(architecture=own, data_preprocessor=given)).config.model
    assert model.student.backbone.type == "mmpretrain.ResNet_CIFAR"
    assert model.student._scope_ == "mmpretrain"
    assert model.student.data_preprocessor == dict(mean=[0.0], std=[255.0], to_rgb=False)


def test_weights_of_a_first_run_reach_both_networks() -> None:
    first = dict(type="Pretrained", checkpoint="first.pth")
    model = convert(config_of(init_cfg=first, teacher_ckpt=None)).config.model
    assert model.student.init_cfg == dict(first, prefix="architecture.")
    assert (model.teacher.checkpoint, model.teacher.prefix) == ("first.pth", "teacher.")


def test_a_run_without_task_losses_has_none() -> None:
    assert convert(config_of(calculate_student_loss=False)).config.model.student_loss_weight == 0


def test_names_of_packages() -> None:
    """mmcls became mmpretrain, and underscores became dashes."""
    first = dict(cfg_path="mmcls::resnet/resnet34_8xb16_cifar10.py")
    second = dict(cfg_path="mmdet::faster_rcnn/faster_rcnn_r50_fpn_1x_coco.py")
    conversion = convert(config_of(architecture=first, teacher=second))
    name = "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py"
    assert conversion.config.model.student == "mmpretrain::resnet/resnet34_8xb16_cifar10.py"
    assert conversion.config.model.teacher.model == name
    assert any(name in note for note in conversion.notes)


def test_items_and_inputs_of_modules_are_taps() -> None:
    distiller = dict(
        KL,
        student_recorders=dict(a=dict(type="ModuleInputs", source="head.fc")),
        teacher_recorders=dict(b=dict(type="ModuleOutputs", source="neck")),
        distill_losses=dict(loss_p=dict(type="PKDLoss", loss_weight=6)),
        loss_forward_mappings=dict(
            loss_p=dict(preds_S=mapping(True, "a", data_idx=0), preds_T=mapping(False, "b"))
        ),
    )
    term = convert(config_of(distiller)).config.model.terms.p
    assert (term.student, term.teacher) == ("head.fc:input[0]", "neck")


def test_data_of_crd_becomes_mmpretrains() -> None:
    config = config_of()
    pipeline = [dict(type="PackCRDClsInputs", _scope_="mmrazor")]
    plain = dict(type="CIFAR10", pipeline=pipeline, _scope_="mmcls")
    config.train_dataloader = dict(
        dataset=dict(type="CRDDataset", _scope_="mmrazor", dataset=plain, neg_num=4)
    )
    assert convert(config).config.train_dataloader.dataset == dict(
        type="CIFAR10", pipeline=[dict(type="mmpretrain.PackInputs")]
    )


@pytest.mark.parametrize(
    ("side", "connector"),
    [
        (dict(connector="bn"), dict(type="mmkd.ConvBNReLUConnector")),
        (dict(connector="plain"), dict(type="mmkd.ConvBNConnector")),
        (dict(connector="linear"), dict(type="mmkd.ProjectionConnector")),
    ],
)
def test_connectors(side: dict[str, Any], connector: dict[str, Any]) -> None:
    term = of_one(dict(type="ABLoss", loss_weight=0.5), side).config.model.terms.s4
    assert term.connector == connector
    assert term.weight == pytest.approx(0.0015)


def test_connectors_that_are_parts_of_mmkds_losses() -> None:
    terms = [
        of_one(dict(type="MGDLoss", alpha_mgd=1e-3), dict(connector="masks")),
        of_one(
            dict(type="FTLoss", loss_weight=4.0),
            dict(connector="translator"),
            connector="paraphraser",
        ),
        of_one(dict(type="OFDLoss"), dict(connector="plain"), connector="margins"),
    ]
    masked, factors, overhaul = (each.config.model.terms.s4 for each in terms)
    assert masked.loss == dict(type="mmkd.MGDLoss", alpha=1e-3, mask_ratio=0.4)
    assert factors.loss.rate == 0.5
    assert factors.loss.reconstruction_weight * factors.weight == 1
    assert overhaul.loss.norms == ["backbone.layer4.1.bn2"]
    assert overhaul.weight == 1e-3
    assert ["connector" in term for term in (masked, factors, overhaul)] == [False, False, True]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (dict(type="DataFreeDistillation"), "model.type: .*without data"),
        (dict(type="SelfDistill"), "model.type: .*--method byot"),
        (dict(teacher_trainable=True), "model.teacher_trainable: is always False"),
        (dict(new=1), "model.new: has no counterpart"),
        (
            dict(teacher=dict(type="mmrazor.WideResNet")),
            "model.teacher.type: mmrazor.WideResNet is a part",
        ),
        (dict(teacher=dict(cfg_path="mmdet3d::a/x.py")), "model.teacher: .*mmdet3d is not inst"),
        (dict(teacher=dict(cfg_path="configs/none.py")), "model.teacher: there is no config"),
        (dict(distiller=dict(KL, distill_deliveries={})), "model.distiller.distill_deliveries"),
    ],
)
def test_what_has_no_counterpart_is_said_by_key(model: dict[str, Any], words: str) -> None:
    with pytest.raises(NotConvertibleError, match=words):
        convert(config_of(**model))


@pytest.mark.parametrize(
    ("loss", "side", "words"),
    [
        (dict(type="FBKDLoss"), {}, "no FBKDLoss"),
        (dict(type="L2Loss"), {}, "unit length"),
        (dict(type="PKDLoss", weight=2), {}, "no setting 'weight'"),
        (dict(type="PKDLoss"), dict(record_idx=1), "record_idx=1.*'backbone.layer4.1'"),
        (dict(type="PKDLoss"), dict(connector="large"), "3x3 convolution"),
        (dict(type="PKDLoss"), dict(connector="other"), "TorchNNConnector has no"),
        (dict(type="MGDLoss"), dict(connector="bn"), "not MGDConnector"),
    ],
)
def test_losses_without_a_counterpart(
    loss: dict[str, Any], side: dict[str, Any], words: str
) -> None:
    with pytest.raises(NotConvertibleError, match=rf"distill_losses.loss_s4: .*{words}"):
        of_one(loss, side)


def test_partial_leaves_out_losses_but_not_all() -> None:
    losses = dict(KL["distill_losses"], loss_x=dict(type="FBKDLoss"))
    both = dict(KL, distill_losses=losses, loss_forward_mappings=dict(loss_kl=PAIR, loss_x=PAIR))
    assert "loss_x" in refused(config_of(both))
    conversion = convert(config_of(both), partial=True)
    assert [*conversion.config.model.terms] == ["kl"]
    assert "loss_x: mmkd has no FBKDLoss" in conversion.notes[0]
    only = dict(both, loss_forward_mappings=dict(loss_x=PAIR))
    assert "FBKDLoss" in refused(config_of(only), partial=True)


def value_of(kind: str, student: Tensor, teacher: Tensor, **settings: Any) -> Tensor:
    """The converted loss of seven classes, with its weight."""
    labels = settings.pop("labels", None)
    term = LOSSES[kind](Entry("a", "b", None, None, lambda: 7), **settings)
    given = {} if labels is None else dict(labels=labels)
    value: Tensor = term["weight"] * MODELS.build(term["loss"])(student, teacher, **given)
    return value


@pytest.mark.parametrize("reduction", ["batchmean", "mean", "sum"])
def test_reductions_of_mmrazors_kd(reduction: str) -> None:
    student, teacher = torch.randn(2, 5, 7, dtype=torch.double)
    settings = dict(tau=3.0, reduction=reduction, loss_weight=2.0)
    logs, target = log_softmax(student / 3, 1), softmax(teacher / 3, 1)
    expected = 2 * 9 * kl_div(logs, target, reduction=reduction)
    torch.testing.assert_close(value_of("KLDivergence", student, teacher, **settings), expected)


def test_mmrazors_dkd_is_a_sum() -> None:
    """With alpha = beta = 1 and two classes DKD is KD."""
    student, teacher = torch.randn(2, 5, 2, dtype=torch.double)
    settings = dict(tau=1.0, reduction="mean", labels=torch.tensor([0, 1, 1, 0, 1]))
    logs, target = log_softmax(student, 1), softmax(teacher, 1)
    expected = kl_div(logs, target, reduction="sum")
    torch.testing.assert_close(value_of("DKDLoss", student, teacher, **settings), expected)


def test_the_mean_of_squares_is_a_hint() -> None:
    student, teacher = torch.randn(2, 5, 3, 4, 4)
    settings = dict(normalize=False, div_element=True, loss_weight=10)
    expected = 10 * mse_loss(student, teacher)
    torch.testing.assert_close(value_of("L2Loss", student, teacher, **settings), expected)


def test_the_file_of_a_user(tmp_path: Path) -> None:
    """Bases of mmcls are mmpretrain's."""
    path = tmp_path / "kd.py"
    path.write_text(
        "_base_ = ['mmcls::_base_/schedules/cifar10_bs128.py',"
        " 'mmcls::_base_/default_runtime.py']\n"
        f"model = {config_of().model.to_dict()}\n"
    )
    config = convert(Config.fromfile(path)).config
    assert config.default_scope == "mmpretrain"
    assert config.train_cfg.max_epochs == 200
