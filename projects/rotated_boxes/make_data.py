"""Draw images of boats and lorries from above, with rotated boxes in DOTA's form."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import cv2
import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

CLASSES = ("boat", "lorry")
# Outlines in a box from -1 to 1, along its length and its width.
OUTLINES = dict(
    boat=[(-1, -0.7), (0.4, -1), (1, 0), (0.4, 1), (-1, 0.7)],
    lorry=[(-1, -1), (1, -1), (1, 1), (-1, 1)],
)
CORNERS = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
COLOURS = dict(boat=(230, 230, 230), lorry=(60, 140, 220))
Points = NDArray[np.float64]


def parse_arguments() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write, such as data/harbour")
    parser.add_argument("--train", type=int, default=400, metavar="N", help="images to train on")
    parser.add_argument("--val", type=int, default=100, metavar="N", help="images to validate on")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def placed(outline: list[tuple[float, float]], box: tuple[float, ...]) -> Points:
    """Return an outline in a box of centre x and y, half length, half width and angle."""
    x, y, length, width, angle = box
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.array(outline) * (length, width) @ turn + (x, y)


def scene(size: int, random: RandomState) -> tuple[NDArray[np.uint8], list[str]]:
    """Return an image, and a line of DOTA's annotations for each object in it."""
    pixels = random.randint(40, 80, (size, size, 3)).astype(np.uint8)
    lines, boxes = [], list[Points]()
    for _ in range(random.randint(1, 5)):
        name = CLASSES[random.randint(2)]
        length = random.uniform(0.1, 0.2) * size
        box = (
            *random.uniform(length, size - length, 2),
            length,
            length * random.uniform(0.3, 0.5),
            random.uniform(0, 2 * np.pi),
        )
        corners = placed(CORNERS, box)
        if any(np.linalg.norm(corners.mean(0) - other.mean(0)) < 2 * length for other in boxes):
            continue
        boxes.append(corners)
        cv2.fillPoly(pixels, [placed(OUTLINES[name], box).round().astype(np.int32)], COLOURS[name])
        lines.append(" ".join([*(f"{value:.1f}" for value in corners.flatten()), name, "0"]))
    return pixels, lines


def main() -> None:
    """Write both splits."""
    arguments = parse_arguments()
    for number, split in enumerate(("train", "val")):
        random = RandomState([arguments.seed, number])
        folders = [arguments.out / split / name for name in ("images", "annfiles")]
        for folder in folders:
            folder.mkdir(parents=True)
        for index in range(getattr(arguments, split)):
            pixels, lines = scene(arguments.size, random)
            cv2.imwrite(str(folders[0] / f"{index:05d}.png"), pixels)
            (folders[1] / f"{index:05d}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
