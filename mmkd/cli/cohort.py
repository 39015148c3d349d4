"""``python -m mmkd cohort``: write the config of a cohort of several configs' students."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from mmengine.config import Config

from mmkd.cli.output import JSON, tell
from mmkd.composition.writing import write_config
from mmkd.engine.cohort_config import cohort_config
from mmkd.engine.launch import ArgumentError, load_config


@click.command()
@click.argument("configs", nargs=-1, required=True, metavar="[NAME=]CONFIG...")
@click.option("--seeds", default="", help="Seeds, such as 0,1,2: each config is trained with each.")
@click.option("--out", required=True, help="The file to write.")
@JSON
def cohort(configs: Sequence[str], seeds: str, out: str, as_json: bool) -> None:
    """Write a config that trains the students of several distillation CONFIGs at once.

    All students see the same batches, and the teachers run only once per batch. A member's name is
    NAME, or that of the config's file, with _seedN behind it if there are --seeds.

    \b
    Examples:
      python -m mmkd cohort kd=configs/kd/pair.py er=configs/erkd/pair.py --out both.py
      python -m mmkd cohort configs/kd/pair.py --seeds 0,1,2,3 --out four_seeds.py
      python tools/train.py four_seeds.py
    """  # noqa: D301
    try:
        members = _members(configs, seeds.split(",") if seeds else [""])
        command = shlex.join(["python", "-m", "mmkd", *sys.argv[1:]])
        write_config(cohort_config(members), Path(out), command)
    except ArgumentError as error:
        raise click.ClickException(str(error)) from error
    text = f"Wrote {out}: a cohort of {len(members)} members."
    tell(dict(path=out, members=[*members]), text, as_json)


def _members(configs: Sequence[str], seeds: Sequence[str]) -> dict[str, Config]:
    """Return the config of each member by its name: each config with each seed."""
    members = dict[str, Config]()
    for text in configs:
        name, _, path = text.rpartition("=")
        name = name or Path(path.rpartition("::")[2]).stem
        for seed in seeds:
            config = load_config(path)
            if seed:
                config.merge_from_dict({"randomness.seed": int(seed)})
            key = f"{name}_seed{seed}" if seed else name
            if key in members:
                raise ArgumentError(f"Two members have the name {key!r}: give NAME=CONFIG.")
            members[key] = config
    return members
