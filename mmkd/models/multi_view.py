"""Several random views of each image in one batch."""

from typing import Any

import torch
from mmpretrain.models import ClsDataPreprocessor
from torch import Tensor

from mmkd.registry import MODELS


@MODELS.register_module()
class MultiViewDataPreprocessor(ClsDataPreprocessor):
    """Data preprocessor that joins the views of ``mmpretrain.MultiView`` to one batch.

    Of N images with V views it gives V * N inputs: the first view of all images, then the second of
    all images, and so on, with a data sample for each input. Student, teachers, task losses and
    terms thus see an ordinary, larger batch; a mean over it is the mean of the means of the views.
    Views must have the same size. Images with a single view, as in validation, are processed as in
    mmpretrain's ``ClsDataPreprocessor``.

    The student's batch norms also take their statistics over the views together. The released code
    of MLKD runs a network once for each view, so that they take them separately.

    Args:
        views: number of views V in training.
        released_code: let a distilled student's batch norms see one view after another, see
            :func:`mmkd.networks.views_apart.take_views_apart`.
        **kwargs: arguments of ``mmpretrain.ClsDataPreprocessor``, such as ``mean`` and ``std``.

    Raises:
        ValueError: in training, if a batch does not have that number of views.
    """

    def __init__(self, views: int = 2, released_code: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if views < 2:
            raise ValueError(f"views must be at least 2, not {views}")
        self.views, self.released_code = views, released_code

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return ``inputs``, shape (V * N, C, H, W), and as many ``data_samples``.

        Args:
            data: batch from the dataloader: as ``inputs`` a list of views, each a tensor (N, C, H,
                W) or a list of N tensors (C, H, W), and N ``data_samples``.
            training: whether the batch is a training batch, and must have views.
        """
        inputs, samples = data["inputs"], data.get("data_samples")
        views = inputs if _are_views(inputs) else [inputs]
        if training and len(views) != self.views:
            raise ValueError(
                f"The batch has {len(views)} views of each image and the data preprocessor expects "
                f"{self.views}. The training pipeline makes them by "
                "dict(type='MultiView', num_views=[...], transforms=[[...], ...])."
            )
        if len(views) > 1:
            joined: Any
            if isinstance(views[0], Tensor):
                joined = torch.cat(views)
            else:
                joined = [image for view in views for image in view]
            copies = samples and [sample.new() for _ in views for sample in samples]
            data = dict(data, inputs=joined, data_samples=copies)
        prepared: dict[str, Any] = super().forward(data, training)
        return prepared


def _are_views(inputs: Any) -> bool:
    """Return whether inputs are a list of views (batches), not of images, and not a batch."""
    if isinstance(inputs, Tensor) or not inputs:
        return False
    return not isinstance(inputs[0], Tensor) or inputs[0].ndim == 4
