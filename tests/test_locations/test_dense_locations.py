"""Dense heads are compared at the locations that the student's task losses name."""

from functools import cache

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
import torch.distributed as dist
from mmengine.logging import MessageHub
from mmengine.registry import MODELS as ROOT_MODELS
from torch import Tensor, nn

from mmkd.distillers import Distiller, Step
from mmkd.losses import BinaryKDLoss
from mmkd.networks.taps import Tap, run_tapped
from mmkd.weights import EntropyWeight

WEIGHT = dict(type="mmkd.EntropyWeight", temperature=2.0, activation="sigmoid")
BINARY = dict(type="mmkd.BinaryKDLoss", temperature=2.0)


def term(**locations) -> dict:
    return dict(loss=BINARY, locations=dict(type="mmkd.DenseLocations", **locations))


def sharpen(network: nn.Module) -> None:
    """Give a network's class outputs values that differ, as after training."""
    for name, part in network.named_modules():
        if isinstance(part, nn.Conv2d) and part.out_channels % tiny.CLASSES == 0 and "cls" in name:
            nn.init.normal_(part.weight, std=0.5)


def distiller(make=dense.retinanet, teacher=None, **overrides) -> Distiller:
    overrides.setdefault("terms", dict(er={**term(), "sample_weight": WEIGHT}))
    overrides.setdefault("logits", "bbox_head[:]" if make is dense.yolov3 else dense.LOGITS)
    model = tiny.distiller(student=make(), teacher=dict(model=teacher or make(50)), **overrides)
    sharpen(model.teachers["teacher"].network)
    return model.train()


@cache
def of_family(make) -> Distiller:
    terms = dict(er={**term(), "sample_weight": WEIGHT}, fpn=dense.FPN)
    return distiller(make, terms=terms)


@pytest.fixture
def first_epoch():
    """A Runner tells the epoch, by which TOOD chooses its loss."""
    hub = MessageHub.get_current_instance()
    hub.update_info("epoch", 0)
    yield
    hub.pop_info("epoch")


def step_of(model: Distiller, boxes: list[int] | None = None, masks: bool = False) -> Step:
    torch.manual_seed(0)
    steps = []
    handle = model.observe(steps.append)
    model(**model.data_preprocessor(tiny.batch(boxes, masks), True), mode="loss")
    handle.remove()
    return steps[0]


def own_pass(model: Distiller, *texts: str) -> list[Tensor]:
    """Return the tensors at taps of the student while it computes its own losses."""
    data = model.data_preprocessor(tiny.batch(), True)
    taps = [Tap.parse(text) for text in texts]
    _, caught = run_tapped(model.student, taps, lambda: model.student(**data, mode="loss"))
    return [caught[tap] for tap in taps]


def maps(model: Distiller, item: int) -> list[str]:
    return [f"bbox_head[{item}][{i}]" for i in range(len(model.logits["student"]))]


@pytest.mark.parametrize("make", dense.DENSE[:-1])
def test_rows_are_in_the_order_in_which_the_head_computes_its_loss(make):
    model = of_family(make)
    locations = model.terms["er"].locations
    levels = maps(model, 0)
    *caught, given = own_pass(model, *levels, "bbox_head.loss_cls*:input[0]")
    assert given.shape[1] == tiny.CLASSES
    assert torch.equal(locations.flatten("student", caught), given)


def test_rows_of_yolox_are_in_the_order_of_its_objectness_and_of_its_positives():
    model = of_family(dense.yolox)
    locations = model.terms["er"].locations
    levels = maps(model, 2) + maps(model, 0)
    parts = ["bbox_head.loss_obj:input[0]", "bbox_head.loss_obj:input[1]"]
    *caught, objectness, labels, logits = own_pass(
        model, *levels, *parts, "bbox_head.loss_cls:input[0]"
    )
    assert torch.equal(locations.flatten("student", caught[:3]), objectness)
    rows = locations.flatten("student", caught[3:])
    chosen = locations.select(rows, {}, {}, labels, None).rows["student"]
    assert torch.equal(rows[chosen], logits)


@pytest.mark.parametrize("make", dense.DENSE)
def test_a_step_compares_the_positives_of_the_student(make):
    """The loss is that of the logits at the locations where the assigned label is a class."""
    model = of_family(make)
    step = step_of(model)
    er = model.terms["er"]
    student, teacher = (
        er.locations.flatten(name, [step.features[name][tap] for tap in er.logit_taps[name]])
        for name in ("student", "teacher")
    )
    labels = step.features["student"][er.label_tap].flatten()
    positive = labels > 0 if make is dense.yolox else labels < tiny.CLASSES
    assert 0 < positive.sum() < len(labels) == len(student)
    pair = student[positive], teacher[positive]
    weight = EntropyWeight(2.0, activation="sigmoid")(*pair)
    expected = BinaryKDLoss(temperature=2.0)(*pair, weight=weight)
    torch.testing.assert_close(step.losses["loss_er"], expected, rtol=1e-6, atol=0)
    assert torch.equal(step.student_logits, pair[0])
    assert torch.equal(step.teacher_logits["teacher"], pair[1])


@pytest.mark.parametrize("make", dense.DENSE)
def test_a_family_trains(make):
    model = of_family(make)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = step_of(model).losses
    before = {name: value.clone() for name, value in model.student.named_parameters()}
    losses["loss_er"].backward(retain_graph=True)
    graded = [name for name, p in model.student.named_parameters() if p.grad is not None]
    assert any(name.startswith("bbox_head") for name in graded)
    assert any(name.startswith("backbone") for name in graded)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    optimizer.step()
    optimizer.zero_grad()
    assert any(not torch.equal(before[n], p) for n, p in model.student.named_parameters())


@pytest.mark.parametrize("make", dense.DENSE)
def test_a_batch_without_boxes_gives_zero_with_a_graph(make):
    model = of_family(make)
    losses = step_of(model, [0, 0]).losses
    assert losses["loss_er"] == 0
    losses["loss_er"].backward()
    head = [p.grad for n, p in model.student.named_parameters() if n.startswith("bbox_head")]
    assert any(grad is not None for grad in head)
    assert all(grad is None or not grad.any() for grad in head)
    model.zero_grad()


@pytest.mark.parametrize("make", dense.DENSE)
def test_the_dry_run_leaves_statistics_as_they_were(make):
    made = ROOT_MODELS.build(make())
    before = {name: value.clone() for name, value in made.named_buffers()}
    model = tiny.distiller(
        student=made, teacher=dict(model=make(50)), logits=dense.LOGITS, terms=dict(er=term())
    )
    buffers = dict(model.student.named_buffers())
    assert any("running_mean" in name for name in buffers)
    assert all(torch.equal(buffers[name], value) for name, value in before.items())


def test_all_locations_are_averaged_over_them_or_over_the_positives():
    terms = dict(
        all=term(select="all"),
        positives=term(select="all", avg="positives"),
        own=term(select="positives", avg="positives"),
        plain=term(),
    )
    model = distiller(terms=terms)
    step = step_of(model)
    labels = step.features["student"][model.terms["plain"].label_tap]
    found = (labels < tiny.CLASSES).sum()
    ratio = len(labels) / found
    torch.testing.assert_close(step.losses["loss_positives"], step.losses["loss_all"] * ratio)
    torch.testing.assert_close(step.losses["loss_own"], step.losses["loss_plain"])
    empty = step_of(model, [0, 0])
    assert empty.losses["loss_positives"] > 0
    torch.testing.assert_close(
        empty.losses["loss_positives"], empty.losses["loss_all"] * len(labels)
    )


def test_the_teachers_confident_locations():
    model = distiller(terms=dict(er=term(select="confident", threshold=0.3)))
    step = step_of(model)
    er = model.terms["er"]
    teacher = er.locations.flatten(
        "teacher", [step.features["teacher"][tap] for tap in er.logit_taps["teacher"]]
    )
    confident = teacher[teacher.sigmoid().amax(-1) > 0.3]
    assert 0 < len(confident) < len(teacher)
    assert torch.equal(step.teacher_logits["teacher"], confident)


def test_a_location_is_confident_where_one_of_several_teachers_is():
    teachers = {name: dict(model=dense.retinanet()) for name in ("one", "two")}
    model = tiny.distiller(
        student=dense.retinanet(), teacher=None, teachers=teachers, logits=dense.LOGITS,
        terms=dict(kd=term(select="confident", threshold=0.3)),
    )  # fmt: skip
    sharpen(model.teachers["one"].network)
    step = step_of(model.train())
    one, two = (step.teacher_logits[name] for name in ("one", "two"))
    assert one.shape == two.shape
    assert (one.sigmoid().amax(-1) > 0.3).all()
    assert not (two.sigmoid().amax(-1) > 0.3).any()


def test_softmax_heads_are_compared_by_softmax_with_their_labels():
    softmax = dict(loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=False))
    terms = dict(
        dkd=dict(
            loss=dict(type="mmkd.DKDLoss"),
            sample_weight=dict(type="mmkd.EntropyWeight"),
            locations=dict(type="mmkd.DenseLocations"),
        )
    )
    model = distiller(lambda depth=18: dense.retinanet(depth, **softmax), terms=terms)
    step = step_of(model)
    assert step.student_logits.shape[1] == tiny.CLASSES + 1
    assert step.losses["loss_dkd"] > 0


def test_a_teacher_with_other_classes_is_mapped():
    mapped = dict(model=dense.gfl(50, num_classes=6), class_map=[5, 0, 1, 2])
    model = tiny.distiller(
        student=dense.atss(), teacher=mapped, logits=dense.LOGITS, terms=dict(kd=term())
    )
    step = step_of(model.train())
    assert step.teacher_logits["teacher"].shape == step.student_logits.shape
    assert step.losses["loss_kd"] > 0


def test_a_head_of_ones_own_needs_no_labels():
    class Own(ROOT_MODELS.get("mmdet.RetinaHead")):
        def loss_by_feat(self, *arguments, **options):
            return super().loss_by_feat(*arguments, **options)

    model = distiller(lambda depth=18: dense.retinanet(depth, type=Own), terms=dict(kd=term()))
    known = distiller(terms=dict(kd=term()))
    known.student.load_state_dict(model.student.state_dict())
    known.teachers["teacher"].load_state_dict(model.teachers["teacher"].state_dict())
    torch.testing.assert_close(step_of(model).losses, step_of(known).losses)


@pytest.mark.parametrize("make", dense.OTHERS)
def test_heads_whose_losses_take_labels_in_other_ways(make, first_epoch):
    softmax = make is dense.ssd
    er = dict(
        loss=dict(type="mmkd.KDLoss" if softmax else "mmkd.BinaryKDLoss"),
        sample_weight=dict(
            type="mmkd.EntropyWeight", activation="softmax" if softmax else "sigmoid"
        ),
        locations=dict(type="mmkd.DenseLocations"),
    )
    model = distiller(make, terms=dict(er=er))
    step = step_of(model, masks=make is dense.rtmdet_ins)
    assert step.student_logits.shape[1] == tiny.CLASSES + softmax
    assert 0 < len(step.student_logits) < 2000
    assert step.losses["loss_er"] > 0
    step.losses["loss_er"].backward()
    assert any(p.grad is not None for p in model.student.backbone.parameters())


def test_probabilities_are_turned_back_into_logits(first_epoch):
    """TOOD gives probabilities: a second sigmoid would leave all but nothing of the difference."""
    model = distiller(dense.tood, terms=dict(kd=term()))
    step = step_of(model)
    er = model.terms["kd"]
    given = [step.features["student"][tap] for tap in er.logit_taps["student"]]
    assert all(0 <= level.min() <= level.max() <= 1 for level in given)
    rows = er.locations.flatten("student", given)
    torch.testing.assert_close(er.locations.logits("student", given).sigmoid(), rows)
    teacher = step.teacher_logits["teacher"]
    p, q = teacher.div(2).sigmoid(), step.student_logits.div(2).sigmoid()
    divergence = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    expected = 4 * divergence.sum(1).mean()
    torch.testing.assert_close(step.losses["loss_kd"], expected, rtol=1e-4, atol=1e-6)


def test_of_yolov3_the_classes_alone_are_compared():
    model = distiller(dense.yolov3, terms=dict(kd=term()))
    step = step_of(model)
    kd = model.terms["kd"]
    given = [step.features["student"][tap] for tap in kd.logit_taps["student"]]
    logits = kd.locations.logits("student", given)
    first = given[0][0, :, 0, 0].view(3, 5 + tiny.CLASSES)  # the priors of one location
    assert torch.equal(logits[:3], first[:, 5:])
    assert step.student_logits.shape[1] == tiny.CLASSES


def test_a_location_without_a_label_of_its_own_is_compared_where_a_teacher_is_confident():
    locations = dict(type="mmkd.DenseLocations", select="confident", threshold=0.3)
    kd = dict(loss=BINARY, locations=locations)
    assert step_of(distiller(dense.free_anchor, terms=dict(kd=kd))).losses["loss_kd"] > 0


@pytest.mark.parametrize(
    "wrong", [dict(select="some"), dict(avg="none"), dict(order="rows"), dict(threshold=1.0)]
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be one of|is a probability"):
        ROOT_MODELS.build(dict(type="mmkd.DenseLocations", **wrong))


@pytest.mark.parametrize("make", dense.DENSE)
def test_half_precision_gives_finite_gradients(make):
    model = of_family(make)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = step_of(model).losses
    assert losses["loss_er"].dtype == torch.float32
    assert losses["loss_er"] > 0
    losses["loss_er"].backward()
    grads = [p.grad for p in model.student.parameters() if p.grad is not None]
    assert grads
    assert all(grad.isfinite().all() for grad in grads)
    model.zero_grad()


def test_boxes_of_a_pixel_and_regions_to_ignore():
    model = of_family(dense.retinanet)
    data = tiny.batch()
    for sample in data["data_samples"]:
        boxes = sample.gt_instances.bboxes
        boxes[:, 2:] = boxes[:, :2] + 1
        sample.ignored_instances = sample.gt_instances[:1]
    losses = model(**model.data_preprocessor(data, True), mode="loss")
    assert losses["loss_er"].isfinite()


def share_positives(rank: int, folder: str, found: list[int]) -> None:
    """Divide by the positives of both processes, of which this one has ``found[rank]``."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    locations = ROOT_MODELS.build(dict(type="mmkd.DenseLocations", select="all", avg="positives"))
    locations._priors, locations._classes = {"student": [1], "teacher": [1]}, 4
    labels = torch.full((8,), 4)
    labels[: found[rank]] = 0
    selection = locations.select(torch.zeros(8, 4), {}, {}, labels, None)
    torch.save(selection.avg_factor, f"{folder}/{rank}.pth")
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("found", [[6, 0], [0, 0]])
def test_positives_are_counted_over_processes(tmp_path, found):
    arguments = (str(tmp_path), found)
    torch.multiprocessing.start_processes(share_positives, arguments, 2, start_method="fork")
    factors = [torch.load(tmp_path / f"{rank}.pth") for rank in range(2)]
    assert factors == [max(sum(found) / 2, 1.0)] * 2
