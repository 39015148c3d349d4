"""Train a student of scikit-learn's digits with a teacher, in Lightning's loop."""

from argparse import ArgumentParser

# First, because Lightning imports torchvision, which a torch without CUDA may lack the ops for:
# mmkd supplies them.
from mmkd import distill

# isort: split
import pytorch_lightning as lightning
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset, random_split


def network(width: int) -> nn.Module:
    """Return a small convolutional classifier of images (N, 1, 8, 8)."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, 10),
    )


class Classifier(lightning.LightningModule):
    """Trains a model that returns a dict of losses, and measures its network's accuracy."""

    def __init__(self, model: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.model, self.network = model, network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        losses = self.model(*batch)
        self.log_dict(losses)
        return losses["loss"]

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch
        accuracy = (self.network(images).argmax(1) == labels).float().mean()
        self.log("accuracy", accuracy, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.model.parameters(), lr=0.01)


class Plain(nn.Module):
    """A network and its cross-entropy, as a model that is trained alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": cross_entropy(self.network(images), labels)}


def fit(model: nn.Module, network: nn.Module, epochs: int) -> float:
    """Train a model and return its network's accuracy on the images left out."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    data = TensorDataset(images, torch.tensor(digits.target))
    generator = torch.Generator().manual_seed(0)
    training, validation = random_split(data, [1297, 500], generator=generator)
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="auto", logger=False, enable_checkpointing=False
    )
    loader = DataLoader(training, batch_size=64, shuffle=True)
    trainer.fit(Classifier(model, network), loader, DataLoader(validation, batch_size=500))
    return float(trainer.callback_metrics["accuracy"])


def main() -> None:
    """Train both, the student with the method that the command line names."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--method", default="erkd", help="see `python -m mmkd methods`")
    arguments = parser.parse_args()
    lightning.seed_everything(0)
    teacher, student = network(32), network(8)
    print(f"teacher: {fit(Plain(teacher), teacher, arguments.epochs):.3f}")
    example = torch.zeros(2, 1, 8, 8)
    model = distill(student, teacher, method=arguments.method, example=example)
    print(f"student: {fit(model, student, arguments.epochs):.3f}")


if __name__ == "__main__":
    main()
