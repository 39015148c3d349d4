"""Reference from a loss to the linear classifier of a network."""

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.functional import linear

from mmkd.arithmetic import full_precision
from mmkd.networks.taps import Tap

if TYPE_CHECKING:
    from mmkd.teachers import Teacher


class Classifier:
    """A reference to a linear layer of a network.

    The layer is no submodule of the loss that holds the reference. When a model is copied, as for
    EMA, a reference to its student's layer refers to the copied student; a reference to a teacher's
    layer still refers to the teacher, which all copies share.

    Args:
        network: The network, or a teacher.
        path: Path of the layer in it, such as ``'head.fc'``.

    Raises:
        ValueError: If there is no linear layer.
    """

    def __init__(self, network: "nn.Module | Teacher", path: str) -> None:
        self._network, self._path = network, path
        Tap(path).check(self._module)
        if not isinstance(layer := self._module.get_submodule(path), nn.Linear):
            raise ValueError(
                f"A linear layer is needed as classifier, and {path!r} is {type(layer).__name__}: "
                "give its path as the loss's `classifier`."
            )

    @property
    def _module(self) -> nn.Module:
        network = self._network
        return network if isinstance(network, nn.Module) else network.network

    @property
    def layer(self) -> nn.Linear:
        """The layer as it is now."""
        layer = self._module.get_submodule(self._path)
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
