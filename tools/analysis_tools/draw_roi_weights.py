r"""Draw the weights that a term gives to regions of interest (RoIs), such as ER-KD's by entropy.

For each image the tool writes a PNG with the RoIs that the teacher and the student classify as
objects, all RoIs by weight, and a list of those with the largest weights. The RoIs are those of a
training step: the student's losses sample them from the student's proposals. The images are
prepared as for validation, and both networks are in eval mode.

Example:
  python tools/analysis_tools/draw_roi_weights.py configs/quickstart_detection/erkd_scenes.py \
      work_dirs/erkd_scenes/epoch_12_student.pth --indices 7 10
"""

from argparse import Namespace
from copy import deepcopy
from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS
from mmengine.runner import set_random_seed
from numpy.typing import NDArray
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.teachers.renormalize import Normalization
from mmkd.visualization import draw_roi_weights, roi_weights
from mmkd.visualization.drawing_tool import drawing_parser, open_distiller, run_drawing

TOOL = "tools/analysis_tools/draw_roi_weights.py"


def parse_arguments() -> Namespace:
    parser = drawing_parser(__doc__, "of detectors")
    parser.add_argument("--split", choices=["val", "train"], default="val", help="which dataset")
    parser.add_argument(
        "--indices", type=int, nargs="+", default=[0], metavar="N", help="images of the dataset"
    )
    parser.add_argument("--term", help="which term's weights, by default the first that has any")
    parser.add_argument("--teacher", help="which teacher, by default the term's first")
    parser.add_argument("--top", type=int, default=8, help="how many RoIs are numbered and listed")
    parser.add_argument("--seed", type=int, default=0, help="of the sampling of RoIs")
    parser.add_argument("--out-dir", type=Path, default=Path("work_dirs/roi_weights"))
    return parser.parse_args()


def build_dataset(config: Config, split: str) -> BaseDataset:
    """Build a dataset without its wrappers, prepared as for validation but with scaled boxes.

    mmdet loads the boxes of validation after it has resized the image, in pixels of the original.
    """
    loaders = config.get(f"{split}_dataloader"), config.get("val_dataloader")
    if None in loaders:
        raise ValueError(f"The config has no {split}_dataloader, or no val_dataloader.")
    settings, val = (deepcopy(loader.dataset) for loader in loaders)
    while "dataset" in settings:
        settings = settings.dataset
    while "dataset" in val:
        val = val.dataset
    boxes = [step for step in val.get("pipeline", ()) if step.type.endswith("LoadAnnotations")]
    if not boxes:
        raise ValueError(
            "The pipeline of val_dataloader has no LoadAnnotations: the student's losses, which "
            "sample the RoIs, need boxes."
        )
    load, *rest = (step for step in val.pipeline if step not in boxes)
    settings.pipeline = [load, *boxes, *rest]
    return DATASETS.build(settings)


def pixels(distiller: Distiller, inputs: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the student's view of its image (C, H, W), without padding, as RGB."""
    normalization = Normalization.of(distiller.student)
    assert normalization is not None  # every detector of mmdet has a preprocessor
    std, mean = (torch.tensor(v).view(-1, 1, 1) for v in (normalization.std, normalization.mean))
    image = (inputs.cpu() * std + mean)[:, : size[0], : size[1]]
    if not normalization.flips_channels:  # mmdet loads BGR
        image = image.flip(0)
    return image.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


@torch.no_grad()
def take_step(distiller: Distiller, data: dict[str, Any]) -> tuple[dict[str, Any], Step]:
    """Run one training step without its update; return the prepared batch and the results."""
    batch = distiller.data_preprocessor(data, True)
    steps: list[Step] = []
    with distiller.observe(steps.append):
        distiller(**batch, mode="loss")
    return batch, steps[0]


def draw(arguments: Namespace) -> None:
    config, distiller = open_distiller(arguments, "mmdet")
    dataset = build_dataset(config, arguments.split)
    term = arguments.term or next(
        (name for name, term in distiller.terms.items() if term.weighs), next(iter(distiller.terms))
    )
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    for index in arguments.indices:
        if not 0 <= index < len(dataset):
            raise ValueError(f"There is no image {index}: the dataset has {len(dataset)}.")
        set_random_seed(arguments.seed)
        item = dataset[index]
        data = dict(inputs=[item["inputs"]], data_samples=[item["data_samples"]])
        batch, step = take_step(distiller, data)
        found = roi_weights(distiller, step, term, dataset.metainfo["classes"], arguments.teacher)
        sample = batch["data_samples"][0]
        image = pixels(distiller, batch["inputs"][0], sample.img_shape)
        weighs = distiller.terms[term].sample_weight or distiller.terms[term].teacher_weight
        name = Path(sample.img_path).stem
        figure = draw_roi_weights(
            image, found, f"{name}: {type(weighs).__name__} of the term {term!r}", arguments.top
        )
        path = arguments.out_dir / f"{name}_{term}.png"
        figure.savefig(path, dpi=100)
        print(f"{path}: {found.summary()}")


if __name__ == "__main__":
    run_drawing(TOOL, draw, parse_arguments())
