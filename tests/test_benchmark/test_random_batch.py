"""Random images with labels, as data loaders give them."""

import pytest
import torch
from tiny import CLASSES, classifier

from mmkd.benchmark.random_batch import count_classes, random_batch
from mmkd.networks.building import build_network


def test_a_classifier_gets_images_with_a_label_each() -> None:
    model = build_network(classifier())
    assert count_classes(model) == CLASSES
    data = random_batch(model, 3, (3, 16, 16))
    assert data["inputs"].shape == (3, 3, 16, 16)
    assert all(0 <= int(sample.gt_label) < CLASSES for sample in data["data_samples"])
    assert "loss" in model(**model.data_preprocessor(data, True), mode="loss")


@pytest.mark.parametrize("name", ["faster_rcnn", "cascade_rcnn", "retinanet"])
@pytest.mark.parametrize("boxes", [0, 5])
def test_a_detector_gets_images_with_boxes_of_its_classes(name: str, boxes: int) -> None:
    pytest.importorskip("mmdet")
    import tiny_detectors

    model = build_network(getattr(tiny_detectors, name)())
    assert count_classes(model) == tiny_detectors.CLASSES
    data = random_batch(model, 2, (3, 64, 96), boxes)
    assert [image.shape for image in data["inputs"]] == [(3, 64, 96)] * 2
    labels = torch.cat([sample.gt_instances.labels for sample in data["data_samples"]])
    assert len(labels) == 2 * boxes
    assert set(labels.tolist()) <= set(range(tiny_detectors.CLASSES))
    losses = model(**model.data_preprocessor(data, True), mode="loss")
    assert all(torch.as_tensor(v).isfinite().all() for v in losses.values() if torch.is_tensor(v))


def test_a_detector_without_an_rpn_gets_proposals() -> None:
    pytest.importorskip("mmdet")
    from tiny_detectors import faster_rcnn

    config = faster_rcnn(type="FastRCNN")
    del config["rpn_head"]
    model = build_network(config)
    data = random_batch(model, 2, (3, 64, 96), 5)
    assert [len(sample.proposals.bboxes) for sample in data["data_samples"]] == [5, 5]
    losses = model(**model.data_preprocessor(data, True), mode="loss")
    assert losses["loss_cls"].isfinite()


def test_a_detector_of_masks_gets_masks() -> None:
    pytest.importorskip("mmdet")
    from mmengine.config import Config
    from tiny_detectors import faster_rcnn

    masked = Config.fromfile("mmdet::_base_/models/mask-rcnn_r50_fpn.py").model.to_dict()
    config = faster_rcnn(type="MaskRCNN", train_cfg=masked["train_cfg"])
    head = masked["roi_head"]
    head["mask_roi_extractor"].update(out_channels=16)
    head["mask_head"].update(in_channels=16, conv_out_channels=16, num_classes=4)
    config["roi_head"].update({key: head[key] for key in ("mask_roi_extractor", "mask_head")})
    config["data_preprocessor"] = masked["data_preprocessor"]
    model = build_network(config)
    data = random_batch(model, 2, (3, 64, 64), 3)
    assert len(data["data_samples"][0].gt_instances.masks) == 3
    assert "loss_mask" in model(**model.data_preprocessor(data, True), mode="loss")
