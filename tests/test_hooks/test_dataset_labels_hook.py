"""Losses know the classes of all training samples before the first step."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from literature_runs import IndexedImages
from mmengine.registry import DATASETS
from runs import distiller, loader, run

from mmkd.hooks.dataset_labels_hook import dataset_labels

HOOK = dict(type="mmkd.DatasetLabelsHook")
CRD = dict(type="mmkd.CRDLoss", num_samples=16, negatives=4, dim=4)
TERM = dict(student="neck", teacher="neck", loss=CRD)


@DATASETS.register_module()
class ImagesWithKnownLabels(IndexedImages):
    """Images whose data set tells all labels, as mmpretrain's do."""

    def get_gt_labels(self) -> np.ndarray:
        return np.array([int(sample.gt_label) for sample in self.samples])


def test_a_memory_bank_knows_all_labels_before_the_first_step(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmkd.losses.relations.contrast_memory import MemoryBank

    seen, contrast = [], MemoryBank.contrast
    monkeypatch.setattr(
        MemoryBank,
        "contrast",
        lambda self, *a: seen.append(self.labels.tolist()) or contrast(self, *a),
    )
    for dataset, known in (("ImagesWithKnownLabels", True), ("IndexedImages", False)):
        seen.clear()
        data = loader()
        data["dataset"] = dict(type=dataset)
        options = dict(train_dataloader=data, custom_hooks=[HOOK])
        run(tmp_path / dataset, distiller(terms=dict(crd=TERM)), **options)
        # The first is the dry run's, when the model is built, or the first step's.
        assert (-1 not in seen[-4]) is known


def test_a_wrapped_data_set_is_asked_and_one_that_does_not_tell_is_not() -> None:
    inner = ImagesWithKnownLabels()
    wrapped = SimpleNamespace(dataset=SimpleNamespace(dataset=inner))
    assert dataset_labels(wrapped).tolist() == inner.get_gt_labels().tolist()
    assert dataset_labels(SimpleNamespace(datasets=[inner])) is None
    several = SimpleNamespace(get_gt_labels=lambda: np.zeros((3, 2)))
    assert dataset_labels(several) is None
