"""The project trains a language model in transformers' loop, and masks what is no token."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
for package in ("transformers", "accelerate"):
    pytest.importorskip(package)

from projects.language_model import train  # noqa: E402


def test_the_weighed_loss_is_the_reference_over_the_tokens_that_count() -> None:
    random = np.random.default_rng(0)
    student, teacher = random.normal(size=(2, 3, 5, 7)) * 2
    labels = random.integers(0, 7, size=(3, 5))
    labels[1, 2:] = train.IGNORED
    p, q = (np.exp(z) / np.exp(z).sum(-1, keepdims=True) for z in (teacher, student))
    kl, entropy = (p * (np.log(p) - np.log(q))).sum(-1), -(p * np.log(p)).sum(-1)
    counted = labels != train.IGNORED
    for loss, expected in (("kd", kl[counted].mean()), ("erkd", (entropy * kl)[counted].mean())):
        given = torch.tensor(student), torch.tensor(teacher), torch.tensor(labels)
        assert train.token_loss(*given, loss).item() == pytest.approx(expected, rel=1e-10)
    everywhere = torch.tensor(student).requires_grad_()
    train.token_loss(everywhere, *given[1:], "gated").backward()
    assert everywhere.grad is not None
    assert everywhere.grad[1, 2:].eq(0).all()
    assert everywhere.grad[counted].ne(0).all()


def test_sentences_end_and_their_padding_has_no_label() -> None:
    for sentence in train.sentences(8, seed=3):
        inside = sentence["attention_mask"].bool()
        assert sentence["labels"][inside].equal(sentence["input_ids"][inside])
        assert sentence["labels"][~inside].eq(train.IGNORED).all()
        assert sentence["input_ids"][inside].ne(train.PADDING).all()


@pytest.mark.slow
def test_it_trains_a_teacher_and_a_student(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "projects.language_model.train", "--epochs", "4"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
        check=True,
        capture_output=True,
        text=True,
    )
    found = dict(re.findall(r"^(teacher|student): ([\d.]+)$", done.stdout, re.MULTILINE))
    guess = np.log(train.WORDS)
    assert float(found["teacher"]) < float(found["student"]) < guess
