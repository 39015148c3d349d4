"""The trained model of a work folder, and its results on the validation data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.compat.progress import track
from mmkd.engine.launch import complete_loaders
from mmkd.engine.work_folder import checkpoints
from mmkd.evaluation import TeacherAgreement
from mmkd.loading import build_loader
from mmkd.networks.building import build_network, student_spec
from mmkd.networks.student import student_model
from mmkd.teachers.weights import put_student

SUFFIX = "_student.py"  # ending of the configs that tools/model_converters/export_student.py writes


@dataclass(frozen=True)
class Trained:
    """Network that a run trained; for a distillation it is the student.

    Attributes:
        folder: Work folder of the run.
        config: The run's config.
        path: The checkpoint.
        checkpoint: Content of the checkpoint.
        network: The network, in eval mode.
    """

    folder: Path
    config: Config
    path: Path
    checkpoint: Mapping[str, Any]
    network: nn.Module


@dataclass(frozen=True)
class Evaluated(Trained):
    """Network that a run trained, with its results.

    Attributes:
        dataset: The validation data.
        metrics: Results of the config's evaluator.
        scores: A classifier's class probabilities, shape (N, C); ``None`` for other networks.
        labels: A classifier's true class indices, shape (N,); ``None`` for other networks.
    """

    dataset: BaseDataset
    metrics: dict[str, float]
    scores: Tensor | None
    labels: Tensor | None

    @property
    def predictions(self) -> Tensor:
        """The predicted class of each sample of a classifier, shape (N,)."""
        assert self.scores is not None
        return self.scores.argmax(1)

    @property
    def right(self) -> Tensor:
        """Whether each prediction of a classifier is right, shape (N,)."""
        assert self.labels is not None
        return self.predictions.eq(self.labels)


def load_run(folder: Path, checkpoint: Path | None = None, trust: bool = False) -> Trained:
    """Build the network of a work folder, and load its weights.

    Args:
        folder: Work folder of tools/train.py.
        checkpoint: The checkpoint, by default the newest one in the folder.
        trust: Whether the checkpoint may hold code, see :mod:`mmkd.compat.checkpoints`.

    Raises:
        ValueError: If the folder has no config or no checkpoint, or the config no validation data.
    """
    config = _config(folder)
    found = [checkpoint] if checkpoint is not None else checkpoints(folder)
    if not found:
        raise ValueError(f"{folder} has no checkpoint: name one with --checkpoint.")
    init_default_scope(config.get("default_scope", "mmpretrain"))
    content = load_checkpoint(found[0], trust)
    network = _network(config, found[0], content)
    return Trained(folder, config, found[0], content, network)


def evaluate_run(folder: Path, checkpoint: Path | None = None, trust: bool = False) -> Evaluated:
    """Load the network of a work folder as :func:`load_run` does, and evaluate it."""
    run = load_run(folder, checkpoint, trust)
    config, network = run.config, run.network
    loader = validation_loader(config)
    dataset: Any = loader.dataset
    preprocess: Any = network.data_preprocessor
    evaluator = Evaluator(config.val_evaluator)
    evaluator.metrics = [m for m in evaluator.metrics if not isinstance(m, TeacherAgreement)]
    evaluator.dataset_meta = dataset.metainfo
    scores, labels = [], []
    with torch.no_grad():
        for batch in track(loader, f"Evaluating {folder.name}"):
            samples = network(**preprocess(batch, False), mode="predict")
            evaluator.process(data_samples=samples, data_batch=batch)
            if all("pred_score" in sample and "gt_label" in sample for sample in samples):
                scores += [sample.pred_score.cpu() for sample in samples]
                labels += [sample.gt_label.cpu().flatten() for sample in samples]
    metrics = dict(evaluator.evaluate(len(dataset)))
    single = bool(labels) and all(len(label) == 1 for label in labels)
    return Evaluated(
        **vars(run),
        dataset=dataset,
        metrics=metrics,
        scores=torch.stack(scores) if single else None,
        labels=torch.cat(labels) if single else None,
    )


def validation_loader(config: Config) -> DataLoader[Any]:
    """Build the loader of a config's validation data."""
    complete_loaders(config, ["val_dataloader"], persist=False)
    return build_loader(config.val_dataloader)


def _config(folder: Path) -> Config:
    paths = [path for path in folder.glob("*.py") if not path.name.endswith(SUFFIX)]
    if len(paths) != 1:
        listed = ", ".join(sorted(path.name for path in paths)) or "none"
        raise ValueError(f"{folder} should hold the config of one run, and holds {listed}.")
    config = Config.fromfile(str(paths[0]))
    if config.get("val_dataloader") is None or config.get("val_evaluator") is None:
        raise ValueError(f"{paths[0]} has no val_dataloader and val_evaluator to evaluate with.")
    return config


def _network(config: Config, path: Path, content: Mapping[str, Any]) -> nn.Module:
    model = config.model.to_dict()
    student = student_spec(model)
    preprocessor = model.get("data_preprocessor") or config.get("data_preprocessor")
    network = build_network(student_model(model if student is None else student, preprocessor))
    put_student(network, content, path)
    return network.to(get_device()).eval()
