"""Operations on feature maps in numpy, and images with boxes, for tests of losses."""

import mmkd  # noqa: F401

# isort: split
import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData
from torch import nn


def softmax(x: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def pooled(maps: np.ndarray, size: int) -> np.ndarray:
    """Averages over size x size cells, whose borders are rounded outwards."""
    height, width = maps.shape[2:]
    result = np.empty((*maps.shape[:2], size, size))
    for i in range(size):
        for j in range(size):
            rows = slice(i * height // size, -((i + 1) * -height // size))
            columns = slice(j * width // size, -((j + 1) * -width // size))
            result[:, :, i, j] = maps[:, :, rows, columns].mean((2, 3))
    return result


def convolve(maps: np.ndarray, convolution: torch.nn.Conv2d) -> np.ndarray:
    """A 3x3 convolution with a border of zeros."""
    weight, bias = (p.detach().numpy() for p in (convolution.weight, convolution.bias))
    height, width = maps.shape[2:]
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    result = np.zeros((len(maps), len(weight), height, width)) + bias[:, None, None]
    for i in range(3):
        for j in range(3):
            window = padded[:, :, i : i + height, j : j + width]
            result += np.einsum("nchw,oc->nohw", window, weight[:, :, i, j])
    return result


def context(maps: np.ndarray, block: nn.Module) -> np.ndarray:
    """The block's output in numpy."""
    state = {name: value.detach().numpy() for name, value in block.state_dict().items()}
    matrices = {name: value[:, :, 0, 0] for name, value in state.items() if value.ndim == 4}
    results = []
    for sample in maps.reshape(*maps.shape[:2], -1):
        logits = (matrices["attend.weight"] @ sample + state["attend.bias"][:, None])[0]
        attention = np.exp(logits - logits.max())
        pooled = sample @ (attention / attention.sum())
        hidden = matrices["transform.0.weight"] @ pooled + state["transform.0.bias"]
        hidden = (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-5)
        scale, shift = (state[f"transform.1.{p}"].reshape(-1) for p in ("weight", "bias"))
        hidden = np.maximum(hidden * scale + shift, 0)
        added = matrices["transform.3.weight"] @ hidden + state["transform.3.bias"]
        results.append(sample + added[:, None])
    return np.stack(results).reshape(maps.shape)


def boxed_sample(boxes: list[list[float]], **shapes: tuple[int, int]) -> BaseDataElement:
    """Data sample of an image of 40 x 80 pixels with such boxes."""
    data = BaseDataElement(metainfo=dict(img_shape=(40, 80), **shapes))
    data.gt_instances = InstanceData(bboxes=torch.tensor(boxes).reshape(-1, 4))
    return data
