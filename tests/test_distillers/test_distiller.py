from copy import deepcopy

import pytest
import tiny
import torch

from mmkd.losses import KDLoss
from mmkd.weights import EntropyWeight

HINT = dict(student="backbone.layer2", teacher="backbone.layer3", loss=dict(type="mmkd.HintLoss"))


def both_logits(model, data):
    """Logits of student and teacher for a batch, in the manner of a training step."""
    inputs = model.data_preprocessor(deepcopy(data), True)["inputs"]
    model.eval()
    teacher = model.teachers["teacher"]
    with torch.no_grad():
        return model.student(inputs), teacher.network(teacher.prepare(inputs))


def test_a_loss_a_term_beside_the_students_own():
    model = tiny.distiller(terms=dict(kd=tiny.KD["kd"], hint=HINT))
    assert set(tiny.losses_of(model)) == {"loss", "loss_kd", "loss_hint"}


def test_a_term_is_its_weight_times_the_loss_of_the_logits():
    term = dict(
        loss=dict(type="mmkd.KDLoss", temperature=2.0),
        sample_weight=dict(type="mmkd.EntropyWeight"),
        weight=0.7,
    )
    model = tiny.distiller(terms=dict(er=term), student_loss_weight=0.1)
    student, teacher = both_logits(model, tiny.batch())
    inputs = model.data_preprocessor(tiny.batch(), True)
    losses = model(**inputs, mode="loss")  # the student in eval mode, as above

    weight = EntropyWeight()(student, teacher)
    expected = 0.7 * KDLoss(temperature=2.0)(student, teacher, weight=weight)
    torch.testing.assert_close(losses["loss_er"], expected)
    own = model.student(**model.data_preprocessor(tiny.batch(), True), mode="loss")["loss"]
    torch.testing.assert_close(losses["loss"], 0.1 * own)


def test_predictions_and_bare_outputs_are_the_students():
    model = tiny.distiller().eval()
    data = model.data_preprocessor(tiny.batch(), False)
    assert torch.equal(model(data["inputs"]), model.student(data["inputs"]))
    ours = model.val_step(tiny.batch())
    theirs = model.student.val_step(tiny.batch())
    assert [s.pred_label.item() for s in ours] == [s.pred_label.item() for s in theirs]


def test_the_log_has_the_total_and_the_students_loss_under_other_names():
    model = tiny.distiller()
    logged = tiny.train(model, steps=1)
    assert set(logged) == {"loss", "loss_student", "loss_kd"}
    torch.testing.assert_close(logged["loss"], logged["loss_student"] + logged["loss_kd"])


def test_only_the_student_and_connectors_are_parameters_and_state():
    model = tiny.distiller(terms=dict(hint=HINT))
    for names in (dict(model.named_parameters()), model.state_dict(), dict(model.named_modules())):
        assert not any("teacher" in name and "connectors" not in name for name in names)
    assert "terms.hint.connectors.teacher.0.projection.weight" in model.state_dict()


def test_teachers_follow_moves_of_type():
    model = tiny.distiller().double()
    assert model.teachers["teacher"].network.head.fc.weight.dtype == torch.float64
    data = model.data_preprocessor(tiny.batch(), True)
    losses = model(data["inputs"].double(), data["data_samples"], mode="loss")
    assert losses["loss_kd"].dtype == torch.float64


def test_teachers_follow_moves_of_device():
    model = tiny.distiller().to("meta")
    assert model.teachers["teacher"].network.head.fc.weight.device.type == "meta"


def test_copies_share_the_teachers():
    model = tiny.distiller()
    copy = deepcopy(model)
    assert copy.teachers["teacher"] is model.teachers["teacher"]
    assert copy.student.head.fc.weight is not model.student.head.fc.weight


def test_several_teachers_are_averaged():
    teachers = {"a": dict(model=tiny.classifier(6)), "b": dict(model=tiny.classifier(8))}
    model = tiny.distiller(teachers=teachers).eval()
    data = model.data_preprocessor(tiny.batch(), True)
    value = model(**data, mode="loss")["loss_kd"]
    with torch.no_grad():
        student = model.student(data["inputs"])
        each = [
            KDLoss()(student, teacher.network(data["inputs"]))
            for teacher in model.teachers.values()
        ]
    torch.testing.assert_close(value.detach(), sum(each) / 2)


def test_a_term_may_name_its_teachers():
    teachers = {"a": dict(model=tiny.classifier(6)), "b": dict(model=tiny.classifier(8))}
    term = dict(loss=dict(type="mmkd.KDLoss"), teacher=dict(b="head.fc"))
    model = tiny.distiller(teachers=teachers, terms=dict(kd=term))
    calls = []
    for name, teacher in model.teachers.items():
        teacher.network.register_forward_hook(lambda *_, name=name: calls.append(name))
        teacher.network.backbone.register_forward_hook(lambda *_, name=name: calls.append(name))
    tiny.losses_of(model)
    assert set(calls) == {"b"}


def test_logit_taps_may_differ():
    head = dict(type="StackedLinearClsHead", num_classes=5, in_channels=8, mid_channels=[7])
    student = {**tiny.classifier(), "head": head}
    logits = dict(student="head.layers.1.fc", teacher="head.fc")
    model = tiny.distiller(student=student, logits=logits)
    caught = {}
    for name, network in (("s", model.student), ("t", model.teachers["teacher"].network)):
        part = network.get_submodule(logits["student" if name == "s" else "teacher"])
        part.register_forward_hook(lambda *call, name=name: caught.update({name: call[-1]}))
    loss = tiny.losses_of(model)["loss_kd"]
    torch.testing.assert_close(loss, KDLoss()(caught["s"], caught["t"]))


def test_features_may_be_lists_with_a_connector_each():
    term = dict(
        student=["backbone.layer1", "backbone.layer3"],
        teacher=["backbone.layer1", "backbone.layer3"],
        loss=dict(type="mmkd.HintLoss"),
    )
    model = tiny.distiller(terms=dict(hint=term))
    assert len(model.terms["hint"].connectors["teacher"]) == 2
    tiny.losses_of(model)["loss_hint"].backward()
    for connector in model.terms["hint"].connectors["teacher"]:
        assert connector.projection.weight.grad.count_nonzero() > 0


def test_feature_terms_take_sample_weights():
    term = {**HINT, "sample_weight": dict(type="mmkd.EntropyWeight")}
    model = tiny.distiller(terms=dict(hint=term)).eval()
    step = []
    model.observe(step.append)
    model(**model.data_preprocessor(tiny.batch(), True), mode="loss")
    assert step[0].terms["hint"].weight.shape == (1, 4)


def test_a_teacher_with_another_normalisation_sees_its_own_input():
    other = dict(mean=[1.0, 2.0, 3.0], std=[9.0, 8.0, 7.0], to_rgb=True)
    model = tiny.distiller(teacher=dict(model=tiny.classifier(6, data_preprocessor=other)))
    teacher = model.teachers["teacher"]
    given = teacher.prepare(model.data_preprocessor(tiny.batch(), False)["inputs"])
    wanted = teacher.network.data_preprocessor(tiny.batch(), False)["inputs"]
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)


def test_a_larger_teacher_with_a_class_map():
    teacher = dict(model=tiny.classifier(6, classes=9), class_map=[8, 1, 2, 3, 4])
    model = tiny.distiller(teacher=teacher)
    student, logits = both_logits(model, tiny.batch())
    losses = model(**model.data_preprocessor(tiny.batch(), True), mode="loss")
    expected = KDLoss()(student, logits[:, [8, 1, 2, 3, 4]])
    torch.testing.assert_close(losses["loss_kd"], expected)


def test_a_smaller_teacher_with_a_class_map():
    teacher = dict(model=tiny.classifier(6, classes=3), class_map={0: 2, 4: 1})
    model = tiny.distiller(teacher=teacher)
    student, logits = both_logits(model, tiny.batch())
    losses = model(**model.data_preprocessor(tiny.batch(), True), mode="loss")
    torch.testing.assert_close(losses["loss_kd"], KDLoss()(student[:, [0, 4]], logits[:, [2, 1]]))


def test_weights_of_a_plain_student_can_be_loaded():
    model, other = tiny.distiller(), tiny.distiller()
    assert not torch.equal(model.student.head.fc.weight, other.student.head.fc.weight)
    result = model.load_state_dict(other.student.state_dict(), strict=True)
    assert not result.missing_keys
    assert torch.equal(model.student.head.fc.weight, other.student.head.fc.weight)


def test_its_own_weights_load_strictly():
    model, other = tiny.distiller(terms=dict(hint=HINT)), tiny.distiller(terms=dict(hint=HINT))
    model.load_state_dict(other.state_dict(), strict=True)
    assert torch.equal(model.student.head.fc.weight, other.student.head.fc.weight)


def test_validation_can_run_the_teachers_too():
    model = tiny.distiller(predict_teachers=True).eval()
    samples = model.val_step(tiny.batch())
    _, logits = both_logits(model, tiny.batch())
    for sample, expected in zip(samples, logits.softmax(-1), strict=True):
        torch.testing.assert_close(sample.teacher_scores["teacher"], expected)
        assert not torch.equal(sample.pred_score, sample.teacher_scores["teacher"])


def test_observers_see_a_step_until_they_are_removed():
    model, steps = tiny.distiller(), []
    handle = model.observe(steps.append)
    tiny.losses_of(model)
    handle.remove()
    tiny.losses_of(model)
    assert len(steps) == 1
    assert steps[0].student_logits.shape == steps[0].teacher_logits["teacher"].shape == (4, 5)


def test_the_student_starts_from_the_weights_of_a_plain_one_with_the_same_seed():
    from mmkd.networks.building import build_network, network_config

    torch.manual_seed(3)
    plain = build_network(network_config(tiny.classifier()))
    plain.init_weights()
    torch.manual_seed(3)
    model = tiny.distiller(terms=dict(kd=tiny.KD["kd"], hint=HINT))
    for key, value in plain.state_dict().items():
        assert torch.equal(value, model.student.state_dict()[key]), key


@pytest.mark.parametrize("schedule", [dict(begin=1), dict(end=1, begin=0)])
def test_a_term_acts_when_its_schedule_says(schedule, monkeypatch):
    from mmengine.logging import MessageHub

    monkeypatch.setattr("mmkd.terms.nothing.is_distributed", lambda: True)
    hub = MessageHub.get_instance(f"distiller_{schedule}")
    model = tiny.distiller(terms=dict(hint={**HINT, "schedule": schedule}))
    acted = []
    for epoch in (0, 1):
        hub.update_info("epoch", epoch)
        losses = tiny.losses_of(model)
        acted.append(losses["loss_hint"].item() > 0)
        # Also when it rests its parameters take part, or DDP would miss them.
        model.zero_grad()
        sum(losses.values()).backward()
        assert all(p.grad is not None for p in model.parameters())
    assert acted == ([False, True] if schedule["begin"] else [True, False])


@pytest.mark.slow
def test_a_compiled_training_step_computes_the_same():
    """Taps of the student are caught in compiled code, also those of a term that begins later."""
    from mmengine.logging import MessageHub
    from mmengine.optim import OptimWrapper
    from torch._dynamo.utils import counters

    counters.clear()
    hub = MessageHub.get_instance("compiled")
    terms = {**tiny.KD, "hint": {**HINT, "schedule": dict(begin=1)}}
    compiled, eager = tiny.distiller(terms=terms), tiny.distiller(terms=terms)
    eager.load_state_dict(compiled.state_dict())
    eager.teachers = compiled.teachers
    compiled.train_step = torch.compile(compiled.train_step, backend="aot_eager")
    wrappers = [OptimWrapper(torch.optim.SGD(m.parameters(), lr=0.1)) for m in (compiled, eager)]
    graphs = []
    for seed in range(6):
        hub.update_info("epoch", seed // 3)
        ours = compiled.train().train_step(tiny.batch(seed=seed), wrappers[0])
        theirs = eager.train().train_step(tiny.batch(seed=seed), wrappers[1])
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-6)
        graphs.append(counters["stats"]["unique_graphs"])
    assert theirs["loss_hint"] > 0
    assert graphs[0] == graphs[2] < graphs[3] == graphs[5]  # compiled once for each set of taps
    assert not any(part._forward_hooks for part in compiled.student.modules())
