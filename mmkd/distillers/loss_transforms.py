"""Logit transforms that the student's own losses see."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.networks.taps import Tap, Taps
from mmkd.registry import MODELS
from mmkd.terms.shared import refer


class LossTransforms(nn.Sequential):
    """Transforms between the student's logits and its own losses, in training steps only.

    The terms, weights and predictions have the logits as the network gives them.

    Args:
        transforms: Configs of logit transforms, or names of shared modules.
        logits: Tap of the student's logits.
        shared: The shared modules.

    Raises:
        ValueError: In words, if a transform is fitted to a target, which the student's own losses
            have not, or the logits are not a module's output that can be replaced.
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
        """Run a forward of the student in which what comes after its logits sees them transformed.

        A hook that is there already, such as a tap's, still has the logits as they are.
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
