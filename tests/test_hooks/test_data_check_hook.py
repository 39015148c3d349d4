"""Labels and class counts that do not fit the model are errors that name the place."""

import pytest
from mmengine.registry import DATASETS
from runs import TinyImages, config, distiller, log_text, validation
from tiny import CLASSES, classifier

from mmkd.engine import SafeRunner
from mmkd.hooks import DataError

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
