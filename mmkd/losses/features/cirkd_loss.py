"""Relations of pixels to the pixels of a batch's images and to those of a memory (CIRKD)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmengine.dist import all_gather_object
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, normalize

from mmkd.arithmetic import reduce_loss
from mmkd.contracts import traits_of_loss
from mmkd.losses.base.classifier import MMPRETRAIN, Paths
from mmkd.losses.base.feature_loss import FeatureLoss, Features, in_pairs
from mmkd.losses.base.feature_maps import same_size
from mmkd.losses.features.class_memory import ClassMemory
from mmkd.networks.grids import to_tokens
from mmkd.networks.segmentation import decode_heads, ignored_label
from mmkd.registry import MODELS
from mmkd.typed import uncompiled

if TYPE_CHECKING:
    from mmkd.teachers import Teacher

Config = dict[str, Any]
Vectors = list[tuple[int, Tensor, Tensor]]  # class, its mean, and some of its pixels


@MODELS.register_module()
class CIRKDLoss(FeatureLoss):
    r"""Logit loss on the similarities of pixels to those of all images of a batch and of a memory.

    Cross-Image Relational Knowledge Distillation for Semantic Segmentation (Yang et al., CVPR
    2022). With features :math:`f` of unit length at the positions of a map, the similarities
    :math:`f_{n,p} \cdot f_{m,q} / \tau` of a pixel p of image n to all pixels q of image m are
    logits, and ``loss`` compares those of student and teacher; :class:`mmkd.KDLoss` at temperature
    1 is the paper's KL divergence. The loss of an image is the mean over its pixels p and over all
    images m of the batch.

    The memory has vectors of the teacher from earlier batches, for each class those of single
    pixels and of regions, which are the means of a class in an image. A head of two 1x1
    convolutions, trained here, turns the student's map into the teacher's channels, and the
    similarities of each pixel to vectors drawn from the memory are compared like those above. The
    mean is over the pixels with a label.

    A ``sample_weight``, such as :class:`mmkd.EntropyWeight`, reads the similarities of a pixel as
    its logits and multiplies the pixel's loss. This weight is not in the paper. The larger of two
    maps is averaged to the size of the smaller. All processes have the same memory.

    Args:
        loss: Config of the loss on logits, per sample.
        sample_weight: Config of a sample weight that reads these logits, or ``None``.
        temperature: :math:`\tau`.
        pool: Side of the cells of the map that are averaged before pixels are paired; the paper's
            is 1. The similarities of a batch take (N H W)² numbers.
        pixel_weight: Weight of the similarities to the memory's pixels; 0 for none.
        region_weight: Weight of the similarities to the memory's regions; 0 for none.
        pixels: Number of pixels of each class in the memory.
        regions: Number of regions of each class in the memory.
        pixel_samples: Approximate number of pixels that are drawn from the memory in a step,
            equally many of each class.
        region_samples: Approximate number of regions that are drawn in a step, likewise.
        kept: Greatest number of pixels of a class that the memory takes from one image.
        released_code: Reproduce an indexing error of the released code: for a class with n pixels
            in an image, the memory takes pixels from the first n positions of the image, whatever
            their class, and not from the pixels of that class.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False
    needs_labels = False

    def __init__(
        self,
        loss: Config,
        sample_weight: Config | None = None,
        temperature: float = 0.1,
        pool: int = 1,
        pixel_weight: float = 0.1,
        region_weight: float = 0.1,
        pixels: int = 2000,
        regions: int = 200,
        pixel_samples: int = 4096,
        region_samples: int = 1024,
        kept: int = 16,
        released_code: bool = False,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if temperature <= 0 or min(pool, pixels, regions, kept) < 1:
            raise ValueError(
                "CIRKDLoss needs a temperature above 0, and pool, pixels, regions and kept of at "
                f"least 1, not {temperature}, {pool}, {pixels}, {regions} and {kept}."
            )
        self.loss: nn.Module = MODELS.build(loss)
        traits = traits_of_loss(self.loss)
        if traits.relational or traits.needs_labels:
            raise ValueError(
                f"CIRKDLoss compares pixels one by one and without labels, and "
                f"{type(self.loss).__name__} cannot: take one that does, such as mmkd.KDLoss."
            )
        self.weigh = None if sample_weight is None else MODELS.build(sample_weight)
        self.temperature, self.pool, self.kept = temperature, pool, kept
        self.released_code = released_code
        self.weights = dict(pixels=pixel_weight, regions=region_weight)
        self.sizes = dict(pixels=pixels, regions=regions)
        self.samples = dict(pixels=pixel_samples, regions=region_samples)
        self.head: nn.Module | None = None
        self.memory = nn.ModuleDict()
        self.ignored: int | None = None

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Build the head for maps of these shapes, (N, C, H, W), one of each network."""
        shapes = [*student_shapes, *teacher_shapes]
        if [len(shape) for shape in shapes] != [4, 4]:
            raise ValueError(
                "CIRKDLoss compares one map (N, C, H, W) of each network, not features of shapes "
                f"{[tuple(shape) for shape in shapes]}: tap '@map' of both."
            )
        own, self.width = shapes[0][1], shapes[1][1]
        if any(self.weights.values()):
            self.head = nn.Sequential(
                nn.Conv2d(own, self.width, 1, bias=False),
                nn.BatchNorm2d(self.width),
                nn.ReLU(),
                nn.Conv2d(self.width, self.width, 1, bias=False),
            )

    def attach(
        self,
        student: nn.Module,
        teacher: "Teacher",
        classifiers: Paths = MMPRETRAIN,
    ) -> None:
        """Build the memory for the classes of the student, which has a decode head."""
        heads = [*decode_heads(student).values()]
        if self.head is None:
            return
        if not heads:
            raise ValueError(
                f"The memory of CIRKDLoss has vectors of the classes of pixels, and "
                f"{type(student).__name__} classifies none: set pixel_weight=0 and region_weight=0."
            )
        self.remember_classes(heads[-1].num_classes, ignored_label(student))
        self.memory.to(next(self.head.parameters()).device)

    def remember_classes(self, classes: int, ignored: int | None) -> None:
        """Build the memory for a number of classes; ``ignored`` marks pixels without a class."""
        self.ignored = ignored
        for kind, weight in self.weights.items():
            if weight:
                self.memory[kind] = ClassMemory(classes, self.sizes[kind], self.width)

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        data_samples: Any = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            student_features: A map (N, C, H, W).
            teacher_features: A map (N, C', H', W'). No gradient flows into it.
            weight: Weight of each image, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
            data_samples: Samples with ``gt_sem_seg``, for the memory.
        """
        [pair] = in_pairs(student_features, teacher_features)
        with torch.autocast(pair[0].device.type, enabled=False):
            student, teacher = same_size(*pair)
            loss = self.between_images(student, teacher)
            if self.memory:
                loss = loss + self.to_memory(student, teacher, data_samples)
        return self.loss_weight * reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor
        )

    def between_images(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the loss of each image, (N,), between pixels of the batch, from maps."""
        if self.pool > 1:
            student, teacher = (
                avg_pool2d(maps, self.pool, ceil_mode=True) for maps in (student, teacher)
            )
        own, theirs = (normalize(to_tokens(maps), dim=2) for maps in (student, teacher))
        losses = []
        for one, other in zip(own, theirs, strict=True):  # the pixels of an image
            logits = [
                torch.einsum("pd,nqd->npq", rows, all_rows).flatten(0, 1)
                for rows, all_rows in ((one, own), (other, theirs))
            ]
            losses.append(self.compare(*logits).mean())
        return torch.stack(losses)

    def compare(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the loss of each pixel, (R,), from its similarities (R, K)."""
        logits = student / self.temperature, teacher / self.temperature
        each: Tensor = self.loss(*logits, reduction_override="none")
        return each if self.weigh is None else each * self.weigh(*logits)

    def to_memory(self, student: Tensor, teacher: Tensor, data_samples: Any) -> Tensor:
        """Return the loss of each image, (N,), to the memory, from maps of one size."""
        labels = annotated(data_samples, teacher.shape[2:])
        assert self.head is not None
        own = normalize(to_tokens(self.head(student)), dim=2)
        theirs = normalize(to_tokens(teacher), dim=2)
        labelled = torch.ones_like(labels) if self.ignored is None else labels != self.ignored
        labelled = labelled.bool()
        if self.training:
            self.remember(theirs, labels, labelled)
        total = own.sum((1, 2)) * 0
        count = labelled.sum().clamp(min=1) / len(labels)
        for kind, memory in self.memory.items():
            assert isinstance(memory, ClassMemory)
            drawn = memory.sample(self.samples[kind])
            rows = (maps[labelled] @ drawn.T for maps in (own, theirs))
            each = own.new_zeros(labels.shape).masked_scatter(labelled, self.compare(*rows))
            total = total + self.weights[kind] * each.sum(1) / count
        return total

    @uncompiled
    @torch.no_grad()
    def remember(self, features: Tensor, labels: Tensor, labelled: Tensor) -> None:
        """Put the regions and some pixels of each class of each image into the memory.

        Args:
            features: The teacher's vectors, (N, P, D).
            labels: Class of each pixel, (N, P).
            labelled: Whether it has a class, (N, P).
        """
        found: Vectors = []
        for rows, classes, inside in zip(features, labels, labelled, strict=True):
            for label in classes[inside].unique().tolist():
                of_class = rows[classes == label]
                some = torch.randperm(len(of_class), device=rows.device)[: self.kept]
                mean = normalize(of_class.mean(0, keepdim=True), dim=1)
                pixels = (rows if self.released_code else of_class)[some]
                found.append((label, mean.cpu(), pixels.cpu()))
        for vectors in all_gather_object(found):
            for label, mean, pixels in vectors:
                given = dict(regions=mean, pixels=pixels)
                for kind, memory in self.memory.items():
                    assert isinstance(memory, ClassMemory)
                    memory.put(label, given[kind])


def annotated(data_samples: Any, size: Sequence[int]) -> Tensor:
    """Return the class of each pixel of maps of this size, (N, H W), by nearest neighbour.

    Raises:
        ValueError: If there are no annotations.
    """
    if not data_samples or any("gt_sem_seg" not in sample for sample in data_samples):
        raise ValueError(
            "The memory of CIRKDLoss needs annotated pixels, `gt_sem_seg` of each data sample: set "
            "pixel_weight=0 and region_weight=0 to do without it."
        )
    annotation = torch.stack([sample.gt_sem_seg.data for sample in data_samples])
    return interpolate(annotation.float(), tuple(size), mode="nearest-exact").long().flatten(1)
