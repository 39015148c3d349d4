"""Reference from a loss to the linear classifier of a network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.functional import linear

from mmkd.arithmetic import full_precision
from mmkd.networks.taps import Tap

if TYPE_CHECKING:
    from mmkd.teachers import Teacher


Paths = Mapping[str, str]
UNKNOWN = "A linear layer is needed as classifier, and the network has no one layer for it"
REMEDY = "Give its path as the loss's `classifier`."
MMPRETRAIN: Paths = dict(student="head.fc", teacher="head.fc")


def named_paths(classifier: str | Paths | None) -> Paths:
    """Return the classifiers' paths by ``'student'`` and ``'teacher'``; empty for ``None``."""
    if isinstance(classifier, str):
        return dict(student=classifier, teacher=classifier)
    return classifier or {}


class Classifier:
    """A reference to a linear layer of a network.

    The layer is no submodule of the loss that holds the reference. When a model is copied, as for
    EMA, a reference to its student's layer refers to the copied student; a reference to a teacher's
    layer still refers to the teacher, which all copies share.

    Args:
        network: The network, or a teacher.
        path: Path of the layer in the network, such as ``'head.fc'``; ``None``, for an unknown
            path, is an error.

    Raises:
        ValueError: If the path is ``None``, does not exist, or is not that of a linear layer.
    """

    def __init__(self, network: "nn.Module | Teacher", path: str | None) -> None:
        if path is None:
            raise ValueError(f"{UNKNOWN}: its logits are several tensors. {REMEDY}")
        self._network, self.path = network, path
        Tap(path).check(self._module)
        if not isinstance(layer := self._module.get_submodule(path), nn.Linear):
            raise ValueError(
                f"A linear layer is needed as classifier, and {path!r} is {type(layer).__name__}. "
                f"{REMEDY}"
            )

    @property
    def _module(self) -> nn.Module:
        network = self._network
        return network if isinstance(network, nn.Module) else network.network

    @property
    def layer(self) -> nn.Linear:
        """The layer as it is now."""
        layer = self._module.get_submodule(self.path)
        assert isinstance(layer, nn.Linear)
        return layer

    @property
    def weight(self) -> Tensor:
        """Its weights, (K, C)."""
        return full_precision(self.layer.weight)

    def __call__(self, features: Tensor) -> Tensor:
        """Return logits (N, K) of features (N, C), with a gradient for the features."""
        logits = linear(features, self.weight.to(features))
        bias = self.layer.bias
        return logits if bias is None else logits + full_precision(bias).to(features)
