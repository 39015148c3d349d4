"""A dense head's labels are found in the computation of its losses, by their content."""

from functools import cache, partial, partialmethod
from typing import Any

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from mmengine.logging import MessageHub
from mmengine.registry import MODELS as ROOT_MODELS
from torch import Tensor, nn

from mmkd.distillers import Distiller
from mmkd.locations.assigned_labels import Observation, UnassignedError
from mmkd.locations.label_tap import LabelTap
from mmkd.networks.taps import Tap, TapError, run_tapped

INPUTS = torch.rand(2, 3, 96, 128)


@pytest.fixture(autouse=True)
def _first_epoch():
    hub = MessageHub.get_current_instance()
    hub.update_info("epoch", 0)
    yield
    hub.pop_info("epoch")


@cache
def network_of(make) -> nn.Module:
    torch.manual_seed(0)
    return ROOT_MODELS.build(make())


@cache
def seen_of(make) -> Observation:
    return Observation(network_of(make), "bbox_head", INPUTS)


def data_of(network: nn.Module) -> dict[str, Any]:
    torch.manual_seed(0)
    data = tiny.batch(masks=hasattr(network.bbox_head, "mask_head"))
    return network.data_preprocessor(data, True)


HOW = {
    dense.retinanet: ("loss_by_feat_single", "class indices", False, False),
    dense.fcos: ("loss_cls", "class indices", False, False),
    dense.gfl: ("loss_by_feat_single", "class indices", False, False),
    dense.yolox: ("loss_obj", "objectness", True, False),
    dense.tood: ("loss_by_feat_single", "class indices", False, False),
    dense.paa: ("loss_cls", "class indices", True, True),
    dense.vfnet: ("loss_cls", "class targets", False, False),
    dense.centernet_update: ("loss_cls", "positive indices", False, False),
    dense.rtmdet_ins: ("loss_by_feat_single", "class indices", False, False),
    dense.ssd: ("loss_by_feat_single", "class indices", True, False),
    dense.yolov3: ("loss_cls", "class targets", False, False),
}


@pytest.mark.parametrize("make", HOW)
def test_where_and_how_a_head_takes_its_labels(make):
    assigned = seen_of(make).assigned()
    tap = assigned.tap
    assert (tap.call, tap.kind, assigned.by_image, tap.last) == HOW[make]
    assert tap.classes == tiny.CLASSES


@pytest.mark.parametrize("make", HOW)
def test_labels_of_a_step_are_those_of_the_objects_in_their_images(make):
    network = network_of(make).train()
    assigned, data = seen_of(make).assigned(), data_of(network)
    for image, sample in enumerate(data["data_samples"]):
        sample.gt_instances.labels[:] = 1 + image
    maps = []
    handle = network.bbox_head.register_forward_hook(lambda _, __, out: maps.extend(out[0]))
    _, caught = run_tapped(network, [assigned.tap], lambda: network(**data, mode="loss"))
    handle.remove()
    labels, priors = caught[assigned.tap], network.bbox_head.prior_generator.num_base_priors
    counts = [level[0, 0].numel() * n for level, n in zip(maps, priors, strict=True)]
    assert len(labels) == 2 * sum(counts)
    split = labels.view(2, -1) if assigned.by_image else torch.cat(
        [part.view(2, -1) for part in labels.split([2 * count for count in counts])], dim=1
    )  # fmt: skip
    for image, of_image in enumerate(split):
        if make is dense.yolox:
            assert (of_image > 0).any()
            continue
        objects = of_image[(of_image >= 0) & (of_image < tiny.CLASSES)]
        assert len(objects)
        assert (objects == 1 + image).all()


def test_a_head_that_fails_on_the_first_images_is_tried_on_others(monkeypatch):
    network = ROOT_MODELS.build(dense.retinanet())
    kind, calls = type(network.bbox_head), []
    compute = kind.loss_by_feat

    def fails(head, *args, times, **kwargs):
        calls.append(1)
        if len(calls) <= times:
            raise ValueError("collapsed")
        return compute(head, *args, **kwargs)

    monkeypatch.setattr(kind, "loss_by_feat", partialmethod(fails, times=1))
    assert Observation(network, "bbox_head", INPUTS).assigned().tap.kind == "class indices"
    monkeypatch.setattr(kind, "loss_by_feat", partialmethod(fails, times=9))
    with pytest.raises(UnassignedError, match=r"RetinaHead cannot compute .* collapsed"):
        Observation(network, "bbox_head", INPUTS)


def test_nothing_of_the_network_changes():
    network = ROOT_MODELS.build(dense.retinanet())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    keys = set(vars(network.bbox_head))
    Observation(network, "bbox_head", INPUTS).assigned()
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert set(vars(network.bbox_head)) == keys
    assert not network.bbox_head._forward_hooks


def test_a_watched_method_is_itself_again_after_the_step():
    network = network_of(dense.retinanet).train()
    tap, data = seen_of(dense.retinanet).assigned().tap, data_of(network)
    run_tapped(network, [tap], lambda: network(**data, mode="loss"))
    assert "loss_by_feat_single" not in vars(network.bbox_head)


def test_toods_labels_are_read_from_both_of_its_losses():
    """After four epochs TOOD's classes have another loss."""
    network = network_of(dense.tood).train()
    tap, data = seen_of(dense.tood).assigned().tap, data_of(network)
    for epoch in (0, 5):
        MessageHub.get_current_instance().update_info("epoch", epoch)
        _, caught = run_tapped(network, [tap], lambda: network(**data, mode="loss"))
        assert (caught[tap] < tiny.CLASSES).any()


@pytest.mark.parametrize("epoch", [None, 7])
def test_toods_observation_leaves_the_epoch_as_it_was(epoch):
    hub = MessageHub.get_current_instance()
    hub.pop_info("epoch")
    if epoch is not None:
        hub.update_info("epoch", epoch)
    Observation(network_of(dense.tood), "bbox_head", INPUTS).assigned()
    assert hub.get_info("epoch") == epoch


def test_a_head_of_bags_has_no_labels_of_locations():
    with pytest.raises(UnassignedError, match="FreeAnchorRetinaHead assigns no class to single"):
        seen_of(dense.free_anchor).assigned()


def test_a_head_that_cannot_take_the_images_says_so():
    with pytest.raises(UnassignedError, match=r"RetinaHead cannot compute its losses on two"):
        Observation(network_of(dense.retinanet), "bbox_head", INPUTS[:, :2])


def test_other_arguments_than_when_it_was_built_are_told():
    tap = LabelTap(
        "head", input=True, every=True, optional=True, call="loss_cls", kind="class indices",
        classes=4, width=4,
    )  # fmt: skip
    scores, labels = torch.randn(6, 4), torch.randint(0, 4, (6,))
    assert torch.equal(tap.pick(((scores, (labels, torch.rand(6))), {})), labels)
    assert torch.equal(tap.pick(((torch.rand(6), scores), dict(target=labels))), labels)
    with pytest.raises(TapError, match=r"head.loss_cls took no labels of the kind"):
        tap.pick(((scores, labels[:5]), {}))
    with pytest.raises(TapError, match=r"head.loss_cls took no labels of the kind"):
        tap.pick(((scores, labels.float()), {}))


def kd(**term: Any) -> dict[str, Any]:
    order = {"order": term.pop("order")} if "order" in term else {}
    locations = dict(type="mmkd.DenseLocations", **order)
    return dict(kd=dict(loss=dict(type="mmkd.BinaryKDLoss"), locations=locations, **term))


def distiller(make, **term: Any) -> Distiller:
    return tiny.distiller(
        student=make(), teacher=dict(model=make(50)), logits=dense.LOGITS, terms=kd(**term)
    ).train()


@pytest.mark.parametrize(
    ("make", "labels", "by_image"),
    [
        (dense.retinanet, "bbox_head.loss_cls*:input[1]", False),
        (dense.gfl, "bbox_head.loss_cls*:input[1][0]", False),
        (dense.yolox, "bbox_head.loss_obj:input[1]", True),
    ],
)
def test_the_order_of_given_labels_is_seen_and_a_wrong_one_refused(make, labels, by_image):
    right, wrong = ("images", "levels") if by_image else ("levels", "images")
    for order in (dict(), dict(order=right)):
        locations = distiller(make, labels=labels, **order).terms["kd"].locations
        assert locations._by_image == by_image
        assert locations.labels == Tap.parse(labels)
    with pytest.raises(ValueError, match=rf"in the order of {right}, not of {wrong}: write order"):
        distiller(make, labels=labels, order=wrong)


class Alone(nn.Module):
    """A loss that is given labels beside nothing."""

    def forward(self, labels: Tensor) -> Tensor:
        return labels


def test_labels_that_stand_alone_are_told_by_the_images_of_their_objects():
    class Head(ROOT_MODELS.get("mmdet.RetinaHead")):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.alone = Alone()

        def loss_by_feat(self, scores: Any, *arguments: Any, **options: Any) -> Any:
            flat = []
            watched = self.loss_by_feat_single
            self.loss_by_feat_single = lambda *a, **k: (flat.append(a[3]), watched(*a, **k))[1]
            losses = super().loss_by_feat(scores, *arguments, **options)
            self.loss_by_feat_single = watched
            self.alone(torch.cat(flat, dim=1).flatten())
            return losses

    make = partial(dense.retinanet, type=Head)
    labels = "bbox_head.alone:input"
    assert distiller(make, labels=labels).terms["kd"].locations._by_image
    with pytest.raises(ValueError, match=r"in the order of images, not of levels"):
        distiller(make, labels=labels, order="levels")


@pytest.mark.parametrize(
    "labels", ["bbox_head.loss_bbox*:input[0]", "bbox_head.loss_cls*:input[2]", "bbox_head:input"]
)
def test_what_is_no_label_of_all_locations_is_refused(labels):
    with pytest.raises(ValueError, match="cannot read the labels"):
        distiller(dense.retinanet, labels=labels)
