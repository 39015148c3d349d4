"""Train a small language model with a larger one, in the loop of transformers' Trainer.

Both begin with random weights and learn a random language, so that nothing is downloaded.
"""

from argparse import ArgumentParser
from typing import Any

# First: mmkd makes the rest of its stack importable beside transformers.
from mmkd.functional import entropy_gated, entropy_weight, kd

# isort: split
import torch
import transformers
from torch import Tensor, nn

WORDS, LENGTH = 32, 24  # size of the vocabulary, and of a sentence
PADDING = 0
IGNORED = -100  # label of places that do not count, in transformers


def sentences(count: int, seed: int) -> list[dict[str, Tensor]]:
    """Return sentences of a language in which each word has a few likely successors.

    Some of them are short, and padded behind their end.
    """
    chances = torch.rand(WORDS, WORDS, generator=torch.Generator().manual_seed(0)).pow(8)
    chances[:, PADDING] = 0
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(1, WORDS, (count, 1), generator=generator)
    for _ in range(LENGTH - 1):
        following = torch.multinomial(chances[words[:, -1]], 1, generator=generator)
        words = torch.cat([words, following], dim=1)
    ends = torch.randint(LENGTH // 2, LENGTH + 1, (count, 1), generator=generator)
    inside = torch.arange(LENGTH) < ends
    labels = words.masked_fill(~inside, IGNORED)
    words = words.masked_fill(~inside, PADDING)
    columns = dict(input_ids=words, attention_mask=inside.long(), labels=labels)
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def language_model(width: int, layers: int) -> nn.Module:
    """Return a decoder of transformers with random weights."""
    config = transformers.LlamaConfig(
        vocab_size=WORDS,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        pad_token_id=PADDING,
        bos_token_id=None,
        eos_token_id=None,
    )
    model: nn.Module = transformers.LlamaForCausalLM(config)
    return model


def token_loss(student: Tensor, teacher: Tensor, labels: Tensor, loss: str) -> Tensor:
    """Return the distillation loss of logits (B, L, C), a mean over the tokens that count.

    Args:
        student: The student's logits of the next tokens.
        teacher: The teacher's.
        labels: The next tokens, (B, L), ``IGNORED`` where there is none.
        loss: ``'kd'``; ``'erkd'``, weighed by the entropy of the teacher at each token; or
            ``'gated'``, the reverse KL, plus the forward KL where the teacher is uncertain.
    """
    mask = labels != IGNORED
    if loss == "gated":
        return entropy_gated(student, teacher, threshold=0.5, everywhere=True, mask=mask)
    weight = None
    if loss == "erkd":
        weight = entropy_weight(student, teacher, temperature=1.0, mask=mask)
    return kd(student, teacher, temperature=1.0, weight=weight, mask=mask)


class DistillationTrainer(transformers.Trainer):
    """Transformers' trainer, which adds a loss between the tokens of student and teacher.

    Args:
        teacher: The teacher.
        loss: The loss, see :func:`token_loss`.
        **arguments: Arguments of the trainer.
    """

    def __init__(self, teacher: nn.Module, loss: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.teacher = teacher.eval().requires_grad_(False).to(self.args.device)
        self.loss = loss

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], *_: Any, **__: Any
    ) -> Tensor:
        """Return the language model's own loss plus the distillation loss."""
        own = model(**inputs)
        with torch.no_grad():
            theirs = self.teacher(**inputs)
        # The logits at a place are of the token after it.
        pair = own.logits[:, :-1], theirs.logits[:, :-1]
        total: Tensor = own.loss + token_loss(*pair, inputs["labels"][:, 1:], self.loss)
        return total


@torch.no_grad()
def cross_entropy(model: nn.Module, data: list[dict[str, Tensor]]) -> float:
    """Return a model's mean cross-entropy with the next token, in nats."""
    device = next(model.parameters()).device
    batch = {name: torch.stack([one[name] for one in data]).to(device) for name in data[0]}
    return float(model.eval()(**batch).loss)


def main() -> None:
    """Train the teacher, and with it a student."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=float, default=8)
    parser.add_argument("--loss", default="erkd", choices=["none", "kd", "erkd", "gated"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="work_dirs/language_model")
    arguments = parser.parse_args()
    transformers.set_seed(arguments.seed)
    settings = dict(
        args=transformers.TrainingArguments(
            arguments.output,
            num_train_epochs=arguments.epochs,
            per_device_train_batch_size=32,
            learning_rate=3e-3,
            seed=arguments.seed,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=sentences(512, seed=1),
    )
    held_out = sentences(256, seed=2)
    teacher, student = language_model(64, layers=2), language_model(16, layers=1)
    transformers.Trainer(model=teacher, **settings).train()
    print(f"teacher: {cross_entropy(teacher, held_out):.3f}")
    if arguments.loss == "none":
        transformers.Trainer(model=student, **settings).train()
    else:
        DistillationTrainer(teacher, arguments.loss, model=student, **settings).train()
    print(f"student: {cross_entropy(student, held_out):.3f}")


if __name__ == "__main__":
    main()
