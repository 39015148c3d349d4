"""Hook that trains FT's paraphrasers before the student."""

from itertools import islice
from typing import Any

import torch
from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmkd.distillers import BaseDistiller
from mmkd.hooks.model import distillers_of
from mmkd.losses import FTLoss
from mmkd.networks.taps import flat
from mmkd.registry import HOOKS
from mmkd.terms.term import Term


@HOOKS.register_module()
class ParaphraserHook(Hook):
    """Train the paraphrasers of each :class:`mmkd.FTLoss` with ``released_code``, before training.

    As in RepDistiller, a paraphraser learns to reconstruct the teacher's map for 30 epochs over the
    training images, by SGD at a constant learning rate, and is frozen afterwards. The student is
    not trained in these epochs. Without such a loss the hook does nothing. A resumed run does not
    repeat the epochs, because the checkpoint holds the paraphrasers' weights.

    Args:
        epochs: Number of epochs, at least 1.
        lr: Learning rate.
        momentum: Momentum of SGD.
        weight_decay: Weight decay of SGD.

    Raises:
        ValueError: If ``epochs`` is below 1.
    """

    priority = "VERY_LOW"

    def __init__(
        self,
        epochs: int = 30,
        lr: float = 0.05,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
    ) -> None:
        if epochs < 1:
            raise ValueError(f"A paraphraser learns for at least 1 epoch, not {epochs}.")
        self.epochs = epochs
        self.settings: dict[str, Any] = dict(lr=lr, momentum=momentum, weight_decay=weight_decay)

    def before_train(self, runner: Runner) -> None:
        """Train the paraphrasers one after another."""
        if runner.iter:
            return
        for model in distillers_of(runner).values():
            for term in model.terms.values():
                if isinstance(term.loss, FTLoss) and term.loss.released_code:
                    self.train(runner, model, term)

    def train(self, runner: Runner, model: BaseDistiller, term: Term) -> None:
        """Train the paraphrasers of a term's loss."""
        loss: Any = term.loss
        weights = loss.paraphrasers()
        for weight in weights:
            weight.requires_grad_(True)
        optimizer = torch.optim.SGD(weights, **self.settings)
        loader: Any = runner.train_dataloader
        for epoch in range(self.epochs):
            if hasattr(loader.sampler, "set_epoch"):
                loader.sampler.set_epoch(epoch)
            # An infinite sampler never ends, so its epoch is cut to the loader's length.
            for batch in islice(loader, len(loader)):
                error: Tensor = loss.reconstruction(self.maps(model, term, batch))
                optimizer.zero_grad()
                error.backward()
                all_reduce_params([w.grad for w in weights if w.grad is not None], op="mean")
                optimizer.step()
            runner.logger.info(
                f"Paraphraser of the term {term.name!r}: epoch {epoch + 1} of {self.epochs}, "
                f"reconstruction error {error.item():.4f} of the last batch."
            )
        for weight in weights:
            weight.requires_grad_(False)
            weight.grad = None
        loss.paraphrased.fill_(True)

    @staticmethod
    def maps(model: BaseDistiller, term: Term, batch: Any) -> list[Tensor]:
        """Return the teacher's maps that the term reads."""
        data = model.data_preprocessor(batch, True)
        [(name, taps)] = term.teacher_taps.items()
        caught = model.teachers[name](data["inputs"], data.get("data_samples"), flat(taps))
        return [caught[tap] for tap in flat(taps)]
