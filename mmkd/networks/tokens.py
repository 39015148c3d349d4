"""Class, distillation and register tokens of a transformer, told apart from its patches."""

from math import isqrt

from torch import nn

# Names that timm, transformers, torchvision, OpenMMLab and the DINO repositories give the
# parameters of these tokens.
CLASS = ("cls_token", "class_token", "class_embedding")
OTHERS = ("dist_token", "distillation_token", "reg_token", "register_tokens", "storage_tokens")


def has_class_token(network: nn.Module) -> bool:
    """Return whether a network has a class token, which then is the first of its tokens."""
    return any(name.rpartition(".")[2] in CLASS for name, _ in network.named_parameters())


def leading_tokens(network: nn.Module) -> int:
    """Return the number of class, distillation and register tokens, which precede the patches."""
    return sum(
        parameter.shape[-2] if parameter.dim() > 1 else 1
        for name, parameter in network.named_parameters()
        if name.rpartition(".")[2] in (*CLASS, *OTHERS)
    )


def has_grid_behind(length: int, leading: int) -> bool:
    """Return whether ``length`` tokens are leading ones and the patches of a square image."""
    patches = length - leading
    return leading > 0 and patches > 0 and isqrt(patches) ** 2 == patches
