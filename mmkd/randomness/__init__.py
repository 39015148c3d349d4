"""Random numbers that depend on positions (such as sample and epoch), not on earlier draws."""

from mmkd.randomness.loading import (
    PositionedLoading,
    load_by_position,
    obstacle,
    resumed_iterator,
)
from mmkd.randomness.positions import Position
from mmkd.randomness.repeatability import unrepeatable
from mmkd.randomness.seeding import (
    GeneratorStates,
    Purpose,
    position_seed,
    seed_generators,
    seed_step,
)

__all__ = [
    "GeneratorStates",
    "Position",
    "PositionedLoading",
    "Purpose",
    "load_by_position",
    "obstacle",
    "position_seed",
    "resumed_iterator",
    "seed_generators",
    "seed_step",
    "unrepeatable",
]
