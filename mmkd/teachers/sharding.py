"""Sharding of a teacher: each process holds a part of its weights."""

from collections import Counter
from collections.abc import Iterator

from mmengine.device import get_device
from mmengine.dist import get_world_size
from torch import nn
from torch.distributed.device_mesh import init_device_mesh

# Modules that only contain others, and modules that use the weights of their children without
# calling them.
HOLDERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)
WHOLE = (nn.MultiheadAttention,)


def shard(network: nn.Module) -> int:
    """Divide the weights of a frozen network among all processes, in place.

    A unit gathers its weights before its forward and frees them after it (``fully_shard`` of
    torch). The units are the items of lists and sequences, such as the blocks of a ResNet or the
    layers of a transformer, and elsewhere single layers: modules that are called, also when a
    task's manner runs only parts of the network. Weights that several units share, and those of no
    unit, such as position embeddings, stay whole.

    Every process must run the network equally often, and none of its parts alone.

    Returns:
        The number of values in the weights that are divided.

    Raises:
        ImportError: If torch has no ``fully_shard``, which came with 2.6.
    """
    try:
        from torch.distributed.fsdp import fully_shard
    except ImportError as error:
        raise ImportError("shard=True of a teacher needs torch 2.6 or newer.") from error
    mesh = init_device_mesh(get_device(), (get_world_size(),))
    found = [*units(network)]
    uses = Counter(id(weight) for unit in found for weight in unit.parameters())
    count = 0
    for unit in found:
        weights = [*unit.parameters()]
        if all(uses[id(weight)] == 1 for weight in weights):
            count += sum(weight.numel() for weight in weights)
            fully_shard(unit, mesh=mesh, reshard_after_forward=True)
    return count


def units(module: nn.Module, listed: bool = False) -> Iterator[nn.Module]:
    """Yield the parts of a network that are gathered as a whole and have weights.

    Args:
        module: The network.
        listed: Whether its children are items of a list, and therefore units.
    """
    for child in module.children():
        if next(child.parameters(), None) is None:
            continue
        if isinstance(child, HOLDERS):
            yield from units(child, listed=True)
        elif listed or isinstance(child, WHOLE) or next(child.children(), None) is None:
            yield child
        else:
            yield from units(child)
