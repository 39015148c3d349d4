"""Measure the cost of a teacher store: bytes of a record, reading it, opening and writing shards.

Stores of random logits are written to a temporary folder. Times are CPU times of this process, the
minimum of several rounds. With --seeding the tool also measures the cost of random numbers by
position, per sample and step.

Examples:
  python tools/benchmarks/store_cost.py
  python tools/benchmarks/store_cost.py --seeding
"""

import random
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
import torch
from mmengine.dataset import DefaultSampler

from mmkd.logits.entropy import entropy
from mmkd.randomness import Position, PositionedLoading, seed_step
from mmkd.randomness.positions import PositionSampler
from mmkd.store import Manifest, Shards
from mmkd.store.shards import shard_keys, shard_samples, write_shard
from mmkd.store.values import Full, Sampled, TopK, Values, write_values

SHARD_RECORDS, TEMPERATURE, ROUNDS = 2**15, 4.0, 7
# Classes, samples, batch, kind of record.
CASES: list[tuple[int, int, int, Values]] = [
    (100, 50_000, 64, Full()),
    (100, 50_000, 64, Full("float16")),
    (100, 50_000, 64, TopK(10, TEMPERATURE)),
    (100, 50_000, 64, Sampled(50, TEMPERATURE)),
    (1000, 320_000, 256, TopK(10, TEMPERATURE)),
]


def seconds(function: Callable[[], object], calls: int = 1, rounds: int = ROUNDS) -> float:
    """Return the minimum CPU time of a call."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(calls):
            function()
        times.append((time.process_time() - begun) / calls)
    return min(times)


def measure_store(classes: int, samples: int, batch: int, values: Values) -> str:
    """Write a store of random logits and read from it."""
    logits = 3 * torch.randn(SHARD_RECORDS, classes)
    columns = values.encode(logits, torch.Generator().manual_seed(0))
    columns["entropies"] = entropy(logits, TEMPERATURE)[:, None].to(values.entropy_dtype)
    size = sum(column[0].nbytes for column in columns.values())
    kind = write_values(values)
    entropies = [[TEMPERATURE, 0.0]]
    manifest = Manifest(0, samples, 1, SHARD_RECORDS, kind, entropies, {}, "", "", "", "", "")
    keys = [*shard_keys(manifest, 1)]
    with tempfile.TemporaryDirectory() as folder:

        def write() -> None:
            for key in keys:
                count = len(shard_samples(manifest, key))
                write_shard(Path(folder), key, {n: c[:count] for n, c in columns.items()})

        writing = seconds(write, rounds=1)
        shards = Shards(folder, manifest)
        opening = seconds(lambda: [shards.open(key) for key in keys], rounds=1)
        generator = random.Random(0)
        picked = [generator.randrange(samples) for _ in range(batch)]
        reading = seconds(lambda: shards.read(picked, [0] * batch), 30)
        records = shards.read(picked, [0] * batch)
        decoding = seconds(lambda: values.decode(records, classes), 30)
    total = size * samples / 1e6
    return (
        f"{classes} classes, {kind}: {size} bytes a record; {batch} records: read "
        f"{reading * 1e3:.2f} ms, decoded {decoding * 1e3:.2f} ms; opened {total / opening:.0f} "
        f"MB/s, written {total / writing:.0f} MB/s"
    )


def measure_seeding() -> str:
    """Measure loading by position of samples that take no time, and making 50,000 positions.

    Samples are loaded in batches of 64 that draw from numpy's generator alone, as most pipelines
    do, and one by one, as is done for samples that draw from other generators too.
    """
    data = [0] * 1000
    loading, batch = PositionedLoading(data, 0), [Position(index, 3) for index in range(64)]
    sample = (
        seconds(lambda: loading(batch), 300) - seconds(lambda: [data[i] for i in batch], 300)
    ) / len(batch)
    alone = seconds(lambda: loading.load(batch[5]), 3000) - seconds(lambda: data[5], 3000)
    sampler = DefaultSampler(range(50_000), seed=0)
    given = PositionSampler(sampler, 50_000, 0, None)
    order = (seconds(lambda: [*given]) - seconds(lambda: [*sampler])) / 50_000
    iterations = count()
    step = seconds(lambda: seed_step(0, next(iterations), 0), 2000)
    return (
        f"seeding: {sample * 1e6:.1f} us a sample, {alone * 1e6:.1f} us a sample alone, "
        f"{order * 1e6:.1f} us its position, {step * 1e6:.1f} us a step"
    )


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--seeding", action="store_true", help="measure the seeding alone")
    if parser.parse_args().seeding:
        print(measure_seeding())
        return
    for case in CASES:
        print(measure_store(*case), flush=True)


if __name__ == "__main__":
    main()
