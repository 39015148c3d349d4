"""``python -m mmkd store``: build, verify and inspect teacher stores."""

from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

import click
from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process

from mmkd.cli.output import JSON, tell
from mmkd.engine import leave_processes, prepare_processes
from mmkd.engine.launch import complete_loaders
from mmkd.store import Manifest, StoreError, verify_store
from mmkd.store.building import StoreBuilder


@click.group()
def store() -> None:
    """Build, verify and inspect teacher stores: teachers' outputs, computed once and kept on disk.

    \b
    Examples:
      python -m mmkd store build CONFIG --out stores/kd
      python tools/train.py CONFIG --cfg-options model.store.path=stores/kd
      python -m mmkd store verify stores/kd
    """  # noqa: D301


@store.command()
@click.argument("config")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The store's folder.")
@click.option("--top-k", type=int, help="Keep the K greatest logits and the mass of the others.")
@click.option("--sampled", type=int, help="Keep N classes drawn from the tempered distribution.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="Type of full logits.",
)
@click.option("--views", type=int, help="Views of each sample; by default one for each epoch.")
@click.option("--features", is_flag=True, help="Keep the features, too, that the terms read.")
@click.option("--launcher", type=click.Choice(["none", "pytorch", "slurm", "mpi"]), default="none")
@click.option("--cfg-options", multiple=True, metavar="KEY=VALUE", help="Overrides the config.")
@JSON
def build(
    config: str, launcher: str, cfg_options: tuple[str, ...], as_json: bool, **settings: Any
) -> None:
    """Store the outputs of CONFIG's teachers for its training data: logits, features on request.

    Existing shards are kept, so that an interrupted build continues and more --views can be added
    later. Several processes, started by torchrun with --launcher pytorch, share the work.

    \b
    Examples:
      python -m mmkd store build configs/kd/resnet20_resnet8_w8_fmnist8k.py --out stores/kd
      python -m mmkd store build my_config.py --out stores/kd --top-k 10 --views 30
      python -m mmkd store build configs/pkd/my_pair.py --out stores/pkd --features --views 1
    """  # noqa: D301
    run = Config.fromfile(config)
    if cfg_options:
        run.merge_from_dict(options(cfg_options))
    run.launcher = launcher
    try:
        complete_loaders(run, ["train_dataloader"])
        prepare_processes(run)
        builder = StoreBuilder(run, **settings)
        if is_main_process():
            click.echo(describe(builder.manifest, builder.record_bytes))
        computed = builder.build()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if is_main_process():
        text = f"{settings['out']} is complete. This process computed {computed} records."
        tell(dict(path=str(settings["out"]), computed=computed), text, as_json)
    del builder
    leave_processes()


@store.command()
@click.argument("path")
@JSON
def verify(path: str, as_json: bool) -> None:
    """Compare every shard of the store PATH with its checksum.

    \b
    Example:
      python -m mmkd store verify stores/kd
    """  # noqa: D301
    try:
        count = verify_store(path)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    text = f"{path}: {count} shards, all as they were written."
    tell(dict(path=path, shards=count), text, as_json)


@store.command()
@click.argument("path")
@JSON
def inspect(path: str, as_json: bool) -> None:
    """Show the contents of the store PATH, and what it was made from.

    \b
    Examples:
      python -m mmkd store inspect stores/kd
      python -m mmkd store inspect stores/kd --json
    """  # noqa: D301
    try:
        manifest = Manifest.read(path)
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    tell(asdict(manifest), describe(manifest), as_json)


def describe(manifest: Manifest, record_bytes: int | None = None) -> str:
    """Return a manifest as lines for a reader.

    Args:
        manifest: The manifest.
        record_bytes: Bytes of a record, if they are known, for the size of the whole store.
    """
    lines = [f"{manifest.samples} samples x {manifest.views} views, seed {manifest.seed}"]
    kind = ", ".join(f"{name} {value}" for name, value in manifest.values.items())
    lines.append(f"logits: {kind}")
    pairs = (f"T={temperature:g}, eps={eps:g}" for temperature, eps in manifest.entropies)
    lines.append(f"entropies: {'; '.join(pairs) or 'none'}")
    for name, entry in manifest.teachers.items():
        lines.append(
            f"teacher {name}: {entry.classes} classes at {entry.tap}, {entry.checkpoint}, "
            f"SHA-256 {entry.weights[:12]}..."
        )
        for tap, shape in entry.features.items():
            lines.append(
                f"feature {tap}: {' x '.join(map(str, shape))}, float16, {2 * prod(shape)} bytes"
            )
    lines.append(f"made with {manifest.made_with}")
    if record_bytes is not None:
        total = record_bytes * manifest.samples * manifest.views
        lines.append(f"{record_bytes} bytes a record, {total / 1e6:.1f} MB in all")
    return "\n".join(lines)


def options(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Read KEY=VALUE settings as tools/train.py does.

    Raises:
        click.BadParameter: If a setting has no ``=``.
    """
    found = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise click.BadParameter(f"{pair!r} is no KEY=VALUE", param_hint="--cfg-options")
        found[key] = DictAction._parse_iterable(value)
    return found
