"""Labels and class counts that do not fit the model are errors that name the place."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DATASETS
from mmengine.structures import BaseDataElement, PixelData
from runs import TinyImages, config, distiller, log_text, validation
from tiny import CLASSES, classifier
from torch import nn

from mmkd.engine import SafeRunner
from mmkd.hooks import DataCheckHook, DataError

MODELS = pytest.mark.parametrize("model", [classifier(), distiller()], ids=["plain", "distiller"])


@DATASETS.register_module()
class LabelledImages(TinyImages):
    """Images with files, the fourth of which has a given label."""

    def __init__(self, label: int, all_of_them: bool = False) -> None:
        super().__init__()
        for index, sample in enumerate(self.samples):
            sample.set_metainfo(dict(img_path=f"images/{index}.png"))
            if all_of_them or index == 3:
                sample.gt_label.fill_(label)


def data(**dataset):
    dataset = dict(type="LabelledImages", **dataset)
    sampler = dict(type="DefaultSampler", shuffle=False)
    return dict(batch_size=8, num_workers=0, dataset=dataset, sampler=sampler)


@MODELS
@pytest.mark.parametrize("label", [-1, CLASSES, 255])
def test_a_label_out_of_range_is_an_error_with_the_samples_file(tmp_path, model, label):
    runner = SafeRunner.from_cfg(config(tmp_path, model, train_dataloader=data(label=label)))
    match = rf"images/3\.png is {label}; the student's head has 5 classes, from 0 to 4"
    with pytest.raises(DataError, match=match):
        runner.train()


def test_a_batch_whose_labels_are_all_ignored_is_warned_about(tmp_path):
    fields = dict(train_dataloader=data(label=-100, all_of_them=True))
    fields["default_hooks"] = dict(finite=None, checkpoint=None)  # the mean over no label
    runner = SafeRunner.from_cfg(config(tmp_path, classifier(), **fields))
    runner.train()
    assert "All labels of a batch are ignored (-100), as of images/0.png" in log_text(runner)


@MODELS
def test_a_head_of_other_classes_than_the_data_is_an_error(tmp_path, model, monkeypatch):
    init = TinyImages.__init__

    def more_classes(self, *arguments, **named):
        init(self, *arguments, **named)
        self.metainfo = dict(classes=["a", "b", "c"])

    monkeypatch.setattr(TinyImages, "__init__", more_classes)
    runner = SafeRunner.from_cfg(config(tmp_path, model, **validation()))
    with pytest.raises(DataError, match=r"head has 5 classes, and the data \(TinyImages\) have 3"):
        runner.train()
    fields = dict(default_hooks=dict(data_check=None, checkpoint=None))
    SafeRunner.from_cfg(config(tmp_path, model, **validation(), **fields)).train()


class Segmentor(nn.Module):
    """Network with a decode head of five classes, whose losses ignore 255."""

    def __init__(self) -> None:
        super().__init__()
        self.decode_head = nn.Identity()
        self.decode_head.num_classes, self.decode_head.ignore_index = CLASSES, 255


@pytest.mark.parametrize("label", [254, CLASSES])
def test_the_labels_of_pixels_are_checked_except_ignored_ones(label):
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=None))
    runner = SimpleNamespace(
        model=Segmentor(), train_dataloader=[0, 0], train_loop=loop, val_loop=None, logger=None
    )
    pixels = torch.tensor([[[0, 255], [CLASSES - 1, 1]]])
    sample = BaseDataElement(metainfo=dict(img_path="a.png"), gt_sem_seg=PixelData(data=pixels))
    hook = DataCheckHook()
    hook.before_train(runner)
    hook.before_train_iter(runner, 0, dict(data_samples=[sample]))
    pixels[0, 0, 0] = label
    with pytest.raises(DataError, match=rf"a\.png is {label}; the student's head has 5 classes"):
        hook.before_train_iter(runner, 1, dict(data_samples=[sample]))
