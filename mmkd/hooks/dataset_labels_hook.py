"""The classes of all training samples, for the losses that need them."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmkd.registry import HOOKS


def dataset_labels(dataset: Any) -> Tensor | None:
    """Return the class of each sample of a data set, shape (M,), or ``None`` if it does not tell.

    A data set that wraps one other is asked for the other's: its samples have their indices there.

    Args:
        dataset: A data set with ``get_gt_labels``, as those of mmpretrain's ``BaseDataset`` have.
    """
    while not hasattr(dataset, "get_gt_labels") and hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    if not hasattr(dataset, "get_gt_labels"):
        return None
    labels = torch.as_tensor(dataset.get_gt_labels())
    return labels if labels.dim() == 1 else None


@HOOKS.register_module()
class DatasetLabelsHook(Hook):
    """Tells losses the classes of all training samples before training.

    It calls the method ``know_labels(labels)`` of every module of the model that has one, such as
    the memory bank of :class:`mmkd.CRDLoss`, which draws negatives of other classes. Nothing is
    read if there is none, and nothing is told if the data set does not tell its labels.
    """

    def before_train(self, runner: Runner) -> None:
        """Read the labels and hand them over."""
        takers = [module for module in runner.model.modules() if hasattr(module, "know_labels")]
        if not takers:
            return
        labels = dataset_labels(runner.train_dataloader.dataset)
        if labels is not None:
            for taker in takers:
                taker.know_labels(labels)
