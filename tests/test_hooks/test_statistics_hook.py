import pytest
import tiny_detectors
import torch
from runs import TinyImages, convnet, distiller, equal, loader, logged, run, scalars, weights
from tiny import KD, classifier, losses_of
from torch.utils.data import default_collate

from mmkd.distillers import Step
from mmkd.hooks.statistics_hook import gradient_shares, logit_statistics, weight_statistics
from mmkd.logits import entropy
from mmkd.registry import MODELS
from mmkd.terms.term import TermOutput

WEIGHT = dict(type="mmkd.EntropyWeight", temperature=4.0)
ER = dict(er=dict(loss=dict(type="mmkd.KDLoss"), sample_weight=WEIGHT))
STILL = dict(optimizer=dict(type="SGD", lr=0.0))  # every iteration sees the first one's weights


def hook(**arguments):
    return dict(custom_hooks=[dict(type="mmkd.StatisticsHook", **{"interval": 1, **arguments})])


def still_run(tmp_path, model=None, **arguments):
    """Train without learning; return the runner and its batches in their order."""
    data = loader(batch_size=8, size=16)
    model = model or distiller(student=convnet(), terms=ER)
    runner = run(tmp_path, model, optim_wrapper=STILL, train_dataloader=data, **hook(**arguments))
    dataset = TinyImages(16)
    samples = [dataset[index] for index in range(16)]
    batches = [
        dict(
            inputs=default_collate([sample["inputs"] for sample in part]),
            data_samples=[sample["data_samples"] for sample in part],
        )
        for part in (samples[:8], samples[8:])
    ]
    return runner, batches


def test_values_are_those_computed_by_hand(tmp_path):
    runner, batches = still_run(tmp_path)
    model, line = runner.model, logged(runner)
    for index, batch in enumerate(batches):
        inputs = model.data_preprocessor(batch, False)["inputs"]
        with torch.no_grad():
            student = model.student(inputs, mode="tensor")
            teacher = model.teachers["teacher"].network(inputs, mode="tensor")
        weight = MODELS.build(WEIGHT)(student, teacher)
        agreement = (student.argmax(1) == teacher.argmax(1)).float()
        expected = {
            "er/weight_mean": weight.mean(),
            "er/weight_std": ((weight - weight.mean()) ** 2).mean().sqrt(),
            "entropy/student": entropy(student).mean(),
            "entropy/teacher": entropy(teacher).mean(),
            "agreement/teacher": agreement.mean(),
        }
        for name, value in expected.items():
            assert scalars(runner, f"train/{name}")[index] == pytest.approx(value.item(), abs=1e-6)
            assert line[index][name] == pytest.approx(value.item(), abs=1e-6)


def test_several_teachers_have_a_mean_weight_each(tmp_path):
    teachers = dict(b=dict(model=classifier(6)), a=dict(model=classifier(8)))
    weigh, kd = dict(type="mmkd.EntropyTeacherWeight", form="inverse"), KD["kd"]
    terms = dict(weighed=dict(**kd, teacher_weight=weigh), averaged=kd)
    terms["single"] = dict(**kd, teacher=dict(a="head.fc"), sample_weight=WEIGHT)
    model = distiller(student=convnet(), teachers=teachers, terms=terms)
    runner, batches = still_run(tmp_path, model)
    model = runner.model
    for index, batch in enumerate(batches):
        inputs = model.data_preprocessor(batch, False)["inputs"]
        with torch.no_grad():
            logits = [t.network(inputs, mode="tensor") for t in model.teachers.values()]
        means = MODELS.build(weigh)(logits[0], logits).mean(1).tolist()
        for name, mean in zip("ba", means, strict=True):
            logged_mean = scalars(runner, f"train/weighed/weight/{name}")[index]
            assert logged_mean == pytest.approx(mean, abs=1e-6)
            assert scalars(runner, f"train/averaged/weight/{name}")[index] == 0.5
        assert abs(means[0] - means[1]) > 1e-4
    assert "train/single/weight/a" not in runner.message_hub.log_scalars


def test_gradient_shares_are_those_of_separate_backward_passes(tmp_path):
    runner, batches = still_run(tmp_path, gradient_share=True)
    norms = {}
    for name in ("loss", "loss_er"):
        runner.model.zero_grad()
        losses_of(runner.model, batches[0])[name].backward()
        gradients = [p.grad.flatten() for p in runner.model.student.parameters()]
        norms["loss_student" if name == "loss" else name] = torch.cat(gradients).norm().item()
    for name, norm in norms.items():
        share = scalars(runner, f"train/gradient_share/{name}")[0]
        assert share == pytest.approx(norm / sum(norms.values()), rel=1e-4)


def test_gradient_shares_sum_to_one(tmp_path):
    hint = dict(loss=dict(type="mmkd.HintLoss"), student="backbone", teacher="backbone")
    runner = run(tmp_path, distiller(terms=dict(**KD, hint=hint)), **hook(gradient_share=True))
    shares = [
        scalars(runner, f"train/gradient_share/{name}")
        for name in ("loss_student", "loss_kd", "loss_hint")
    ]
    assert [sum(values) for values in zip(*shares, strict=True)] == pytest.approx([1.0] * 4)


def test_training_does_not_notice_it(tmp_path):
    model = distiller(student=convnet(dropout=0.5), terms=ER)
    without = run(tmp_path / "without", model)
    with_it = run(tmp_path / "with", model, **hook(gradient_share=True))
    assert equal(weights(with_it), weights(without))
    assert not with_it.model._observers


def test_it_reads_at_its_interval_and_at_the_end_of_an_epoch(tmp_path):
    data = loader(batch_size=8, size=24)  # three iterations an epoch
    for interval, readings in ((1, 6), (2, 4), (10, 2)):
        runner = run(tmp_path / str(interval), train_dataloader=data, **hook(interval=interval))
        assert len(scalars(runner, "train/entropy/student")) == readings


def test_without_logits_among_the_taps_there_are_none_in_the_log(tmp_path):
    hint = dict(loss=dict(type="mmkd.HintLoss"), student="backbone", teacher="backbone")
    runner = run(tmp_path, distiller(terms=dict(hint=hint)), **hook())
    assert not [name for name in runner.message_hub.log_scalars if "entropy" in name]


def test_it_leaves_a_plain_model_alone(tmp_path):
    assert run(tmp_path, classifier(), **hook(gradient_share=True)).iter == 4


def test_without_samples_there_are_no_statistics_of_them():
    """A detector may have no RoIs in any image: their mean would not be a number."""
    none = torch.zeros(0, 5, requires_grad=True)
    term = TermOutput(none.sum(), torch.zeros(1, 0))
    step = Step(dict(loss_er=term.loss), dict(er=term), {}, none, dict(teacher=none))
    assert weight_statistics(step) == {}
    assert logit_statistics(step) == {}


def test_a_detector_without_rois_logs_finite_numbers():
    student = tiny_detectors.faster_rcnn()
    student["train_cfg"]["rpn_proposal"]["min_bbox_size"] = 10**6
    model = tiny_detectors.distiller(student=student)
    recorded = {}

    def record(step):
        recorded.update(weight_statistics(step), **logit_statistics(step))
        recorded.update(gradient_shares(model, step))

    model.observe(record)
    for boxes, expected in (([0, 0], False), ([2, 3], True)):
        recorded.clear()
        batch = model.data_preprocessor(tiny_detectors.batch(boxes), True)
        model(**batch, mode="loss")
        assert ("er/weight_mean" in recorded) == ("entropy/student" in recorded) == expected
        assert "gradient_share/loss_er" in recorded
        assert torch.stack([*recorded.values()]).isfinite().all()
