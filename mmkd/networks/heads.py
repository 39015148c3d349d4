"""What the heads of detectors say of themselves."""

from torch import nn


def enclosing(network: nn.Module, path: str, *attributes: str) -> tuple[str, nn.Module] | None:
    """Return path and module of the innermost part around ``path`` with one of the attributes."""
    while path:
        module = network.get_submodule(path)
        if any(hasattr(module, attribute) for attribute in attributes):
            return path, module
        path = path.rpartition(".")[0]
    return None


def activation_of(network: nn.Module, path: str) -> str | None:
    """Return what turns class logits into probabilities: ``'sigmoid'``, ``'softmax'``, or unknown.

    Args:
        network: The network.
        path: Path of the module that gives the logits. mmdet's heads say it of themselves, or of
            their classification loss.
    """
    found = enclosing(network, path, "use_sigmoid_cls", "loss_cls")
    if found is None:
        return None
    head = found[1]
    sigmoid = getattr(head, "use_sigmoid_cls", None)
    if sigmoid is None:
        sigmoid = getattr(getattr(head, "loss_cls", None), "use_sigmoid", None)
    return None if sigmoid is None else "sigmoid" if sigmoid else "softmax"
