"""Example inputs of a network: their sizes, channels and their order, device and type."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmkd.compat.running import running_config
from mmkd.networks.building import Spec
from mmkd.networks.dry_run import device_of

Size = tuple[int, int]
# Sizes to try if neither data nor network name a size.
LIKELY = (64, 224)
# Larger sizes in data are those of detectors, which take any size and are examined on a smaller
# one.
LARGEST = 512
SMALLEST = 8
# Names under which the transforms of OpenMMLab keep the size of their output.
GIVES = {
    "RandomResizedCrop": "scale",
    "RandomCrop": "crop_size",
    "CenterCrop": "crop_size",
    "EfficientNetRandomCrop": "scale",
    "EfficientNetCenterCrop": "crop_size",
    "Resize": "scale",
}
WIDTH_FIRST = ("Resize", "CenterCrop")  # mmcv's transforms; mmpretrain's have the height first
PIPELINES = ("train_pipeline", "test_pipeline")
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
ATTRIBUTES = ("img_size", "image_size", "init_input_size", "input_resolution", "resolution")


def example_inputs(
    network: nn.Module, spec: Spec, input_shape: Sequence[int] | None = None
) -> Iterator[Tensor]:
    """Yield batches of zeros (N, C, H, W) that a network may take, the most likely one first.

    The size comes from the data of the run. If no run is being built, it comes from the data in the
    network's config file; otherwise it is the size that the network names, or a likely one. Batches
    of two images are tried first, and batches of one in case a network does not take two.

    Args:
        network: The network; the batches are on its device.
        spec: The user's description of the network.
        input_shape: Channels, height and width, if the user sets them; then no others are tried.

    Raises:
        ValueError: If ``input_shape`` does not have three numbers.
    """
    shapes = [(_channels(network), *size) for size in _sizes(network, spec)]
    if input_shape is not None:
        if len(input_shape) != 3:
            raise ValueError(
                f"input_shape is {tuple(input_shape)}: give channels, height and width, such as "
                "input_shape=(3, 32, 32)."
            )
        shapes = [(input_shape[0], input_shape[1], input_shape[2])]
    for count in (2, 1):
        for shape in shapes:
            yield torch.zeros(count, *shape, device=device_of(network))


def loads_bgr(spec: Spec) -> bool | None:
    """Return whether images are loaded with their channels in the order BGR, as by OpenCV.

    The answer comes from the data of the run or, outside of a Runner, from the data in the
    network's config file: OpenMMLab loads files as BGR, and data sets with images as arrays have
    them as RGB.

    Returns:
        ``None`` if there are no such data.
    """
    for config in (running_config(), _file(spec)):
        data = [(config or {}).get(name) for name in (*LOADERS, *PIPELINES)]
        if any(data):
            return "LoadImageFromFile" in _types(data)
    return None


def _types(settings: Any) -> Iterator[str]:
    """Yield the names of all types in nested settings, without their scopes."""
    if isinstance(settings, Mapping):
        yield str(settings.get("type", "")).rpartition(".")[-1]
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        for item in settings:
            yield from _types(item)


def own_size(network: nn.Module, spec: Spec) -> Size | None:
    """Return the height and width of images that a network is made for, or ``None`` if unknown."""
    return _of_network(network) or _of_data(_file(spec))


def _sizes(network: nn.Module, spec: Spec) -> list[Size]:
    for config in (running_config(), _file(spec)):
        if size := _of_data(config):
            return [size]
    size = _of_network(network)
    return list(dict.fromkeys([*([size] if size else []), *((size, size) for size in LIKELY)]))


def _channels(network: nn.Module) -> int:
    mean = getattr(getattr(network, "data_preprocessor", None), "mean", None)
    if mean is not None:
        return int(mean.numel())
    first = next((p for p in network.parameters() if p.dim() == 4), None)
    return 3 if first is None or first.shape[1] > 4 else int(first.shape[1])


def _file(spec: Spec) -> Config | None:
    path = spec.get("config") if isinstance(spec, Mapping) else spec
    return Config.fromfile(path) if isinstance(path, str) else None


def _of_data(config: Config | None) -> Size | None:
    """Return the size of the images that a config trains or tests on."""
    if config is None:
        return None
    datasets = [(config.get(loader) or {}).get("dataset") for loader in LOADERS]
    for source in (*datasets, *(config.get(name) for name in PIPELINES)):
        found = [size for size in _given(source) if max(size) <= LARGEST]
        if found:
            return found[-1]
    return None


def _given(settings: Any) -> Iterator[Size]:
    """Yield the sizes that transforms in nested settings produce, in their order."""
    if isinstance(settings, Mapping):
        name = str(settings.get("type", "")).rpartition(".")[-1]
        if size := _pair(settings.get(GIVES.get(name, ""))):
            yield size[::-1] if name in WIDTH_FIRST else size
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        for item in settings:
            yield from _given(item)


def _of_network(network: nn.Module) -> Size | None:
    """Return the size that a network, or its first part with a size, names as its input size."""
    for module in network.modules():
        for holder in (module, getattr(module, "config", None)):
            for attribute in ATTRIBUTES:
                size = _pair(getattr(holder, attribute, None))
                if size is not None and min(size) > SMALLEST:
                    return size
    said = getattr(network, "pretrained_cfg", None) or {}
    return _pair(tuple(said.get("input_size", ()))[-2:]) if isinstance(said, Mapping) else None


def _pair(value: Any) -> Size | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    pair = isinstance(value, list | tuple) and len(value) == 2
    if pair and all(isinstance(number, int) for number in value):
        return value[0], value[1]
    return None
