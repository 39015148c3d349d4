"""Compare mmkd.DeviceLoader with torch's loader, in images per second, without a network.

Both load random images of 32 x 32 pixels through the pipeline and the data preprocessor of
configs/_base_/datasets/cifar100.py, in this process alone, with random numbers by position as in a
run. They are measured in turns; the results are medians over turns.

Example:
  python tools/benchmarks/device_loader.py
"""

import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from itertools import islice
from pathlib import Path
from statistics import median

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.device import get_device

from mmkd.compat.machine import machine
from mmkd.registry import MODELS

sys.path.insert(0, str(Path(__file__).parent))
from random_images import CONFIG, endless, loader_of


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=20, help="of each loader in a round")
    arguments = parser.parse_args()
    settings = CONFIG.data_preprocessor.to_dict()
    preprocess = MODELS.build(dict(type="mmpretrain.ClsDataPreprocessor", **settings))
    preprocess.to(get_device())
    running = {}
    for name, kind in {"torch's loader": None, "mmkd.DeviceLoader": "mmkd.DeviceLoader"}.items():
        begun = time.perf_counter()
        running[name] = endless(loader_of(arguments.images, arguments.batch_size, kind))
        preprocess(next(running[name]), True)
        print(f"{name}: ready after {time.perf_counter() - begun:.1f} s")
    speeds: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(arguments.rounds):
        for name, stream in running.items():
            begun = time.perf_counter()
            for batch in islice(stream, arguments.batches):
                preprocess(batch, True)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            images = arguments.batches * arguments.batch_size
            speeds[name].append(images / (time.perf_counter() - begun))
    print(machine())
    first = median(next(iter(speeds.values())))
    for name, found in speeds.items():
        print(f"{name:18} {median(found):9.0f} images/s  {median(found) / first:6.2f}")


if __name__ == "__main__":
    main()
