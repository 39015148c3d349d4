"""Transforms of the logits that the student's task losses read."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.networks.taps import Tap, Taps
from mmkd.registry import MODELS
from mmkd.terms.shared import refer


class LossTransforms(nn.Sequential):
    """Transforms between the student's logits and its task losses, in training steps only.

    The terms, weights and predictions still read the logits of the network without transforms.

    Args:
        transforms: Configs of logit transforms, or names of shared modules.
        logits: Tap of the student's logits.
        shared: The shared modules.

    Raises:
        ValueError: If a transform is fitted to a target, which task losses do not have, or the
            logits are not an output of a module that can be replaced.
    """

    def __init__(self, transforms: Sequence[Any], logits: Taps, shared: nn.ModuleDict) -> None:
        parts = [refer(part, shared) for part in transforms]
        super().__init__(*(p if isinstance(p, nn.Module) else MODELS.build(p) for p in parts))
        if any(getattr(part, "needs_target", False) for part in self):
            raise ValueError(
                "student_loss_transforms has a transform that is fitted to the teacher's output; "
                "the student's own losses have no target of that kind. Take a learned one."
            )
        if len(self) and (not isinstance(logits, Tap) or logits != Tap(logits.path)):
            raise ValueError(
                "student_loss_transforms changes what a module gives to the student's own losses, "
                "so that the student's `logits` must be a module's output, such as 'head.fc', not "
                f"{logits}."
            )
        self.logits = logits

    def run(self, student: nn.Module, forward: Callable[[], Any]) -> Any:
        """Run a forward of the student in which modules behind its logits read them transformed.

        A hook that exists already, such as that of a tap, still sees the unchanged logits.
        """
        assert isinstance(self.logits, Tap)

        def transform(module: nn.Module, given: Any, logits: Tensor) -> Tensor:
            transformed: Tensor = self(full_precision(logits))
            return transformed

        handle = student.get_submodule(self.logits.path).register_forward_hook(transform)
        try:
            return forward()
        finally:
            handle.remove()
