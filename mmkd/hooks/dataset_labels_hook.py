"""Hook that passes the classes of all training samples to the losses that need them."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmkd.registry import HOOKS


def dataset_labels(dataset: Any) -> Tensor | None:
    """Return the class of each sample of a data set, shape (M,), or ``None`` if it is unknown.

    For a data set that wraps one other data set, the classes come from the inner one, because its
    samples have the same indices.

    Args:
        dataset: A data set with ``get_gt_labels``, such as those of mmpretrain's ``BaseDataset``.
    """
    while not hasattr(dataset, "get_gt_labels") and hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    if not hasattr(dataset, "get_gt_labels"):
        return None
    labels = torch.as_tensor(dataset.get_gt_labels())
    return labels if labels.dim() == 1 else None


@HOOKS.register_module()
class DatasetLabelsHook(Hook):
    """Pass the classes of all training samples to losses before training.

    The hook calls the method ``know_labels(labels)`` of every module of the model that has one,
    such as the memory bank of :class:`mmkd.CRDLoss`, which draws negatives of other classes. If
    there is no such module, no labels are read; if the data set does not provide labels, none are
    passed.
    """

    def before_train(self, runner: Runner) -> None:
        """Read the labels and pass them on."""
        takers = [module for module in runner.model.modules() if hasattr(module, "know_labels")]
        if not takers:
            return
        labels = dataset_labels(runner.train_dataloader.dataset)
        if labels is not None:
            for taker in takers:
                taker.know_labels(labels)
