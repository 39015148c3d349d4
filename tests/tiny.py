"""Small networks, distillers and batches for tests."""

from typing import Any

import mmkd  # noqa: F401  (before mmpretrain: lets torchvision import beside a CPU torch)

# isort: split
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from mmkd.distillers import Distiller
from mmkd.registry import MODELS

CLASSES = 5
PREPROCESSOR = dict(mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0], num_classes=CLASSES)
KD = dict(kd=dict(loss=dict(type="mmkd.KDLoss")))


def classifier(width: int = 4, classes: int = CLASSES, **overrides: Any) -> dict[str, Any]:
    """Config of a residual network of 8 layers, a few thousand parameters."""
    return dict(
        type="mmpretrain.ImageClassifier",
        backbone=dict(type="mmkd.CIFARResNet", depth=8, widths=(width, width, width, 2 * width)),
        neck=dict(type="GlobalAveragePooling"),
        head=dict(
            type="LinearClsHead",
            num_classes=classes,
            in_channels=2 * width,
            loss=dict(type="CrossEntropyLoss"),
        ),
        **overrides,
    )


def distiller(**overrides: Any) -> Distiller:
    """Build and initialise a distiller from a random teacher, KD by default."""
    config = dict(
        type="mmkd.Distiller",
        student=classifier(),
        terms=KD,
        input_shape=(3, 16, 16),
        data_preprocessor=PREPROCESSOR,
    )
    if "teachers" not in overrides:
        config["teacher"] = dict(model=classifier(6))
    model = MODELS.build({**config, **overrides})
    model.init_weights()
    return model


def batch(size: int = 4, seed: int = 0, classes: int = CLASSES) -> dict[str, Any]:
    """Images of random pixels with labels, as a dataloader gives them."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (size, 3, 16, 16), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, classes, (size,), generator=generator).tolist()
    return dict(inputs=images, data_samples=[DataSample().set_gt_label(y) for y in labels])


def losses_of(model: Distiller, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the losses of a batch in training mode."""
    model.train()
    return model(**model.data_preprocessor(data or batch(), True), mode="loss")


def train(model: Distiller, steps: int = 3, lr: float = 0.1) -> dict[str, Any]:
    """Train for some steps and return what the last one logs."""
    model.train()
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9))
    return [model.train_step(batch(seed=seed), wrapper) for seed in range(steps)][-1]
