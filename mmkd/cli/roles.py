"""``python -m mmkd roles CONFIG``: show the taps of a network's logits, maps and stages."""

from collections.abc import Iterator
from functools import partial

import click

from mmkd.cli.output import JSON, tell
from mmkd.engine.launch import ArgumentError, load_config
from mmkd.networks.building import build_network, network_config
from mmkd.networks.roles import ROLES, Roles, examine
from mmkd.networks.sizes import example_inputs


@click.command()
@click.argument("config")
@JSON
def roles(config: str, as_json: bool) -> None:
    """Show the taps of the roles ('@logits', '@map', ...) in the network of CONFIG.

    CONFIG is the path or name of a training config; for a distillation config the student is
    shown. The network is built with random weights and run once.

    \b
    Examples:
      python -m mmkd roles mmpretrain::resnet/resnet18_8xb32_in1k.py
      python -m mmkd roles mmdet::gfl/gfl_r50_fpn_1x_coco.py --json
    """  # noqa: D301
    try:
        load_config(config)
    except ArgumentError as error:
        raise click.ClickException(str(error)) from error
    network = build_network(network_config(config))
    find = {"network": partial(Roles.find, "network", network)}
    found = examine(find, example_inputs(network, config))[1]["network"]
    tell(_page(found), "\n".join(_lines(found)), as_json)
    if found.error is not None and not as_json:
        raise click.ClickException(f"The network's forward ended early: {found.error}")


def _lines(found: Roles) -> Iterator[str]:
    yield f"{found.kind} on an input of shape {found.input_shape}"
    for role, what in ROLES.items():
        yield f"  @{role}: {what}"
        for tap in found.taps.get(role, []):
            yield f"    {tap}  {found.shapes.get(tap, '')}".rstrip()
        if role in found.missing:
            yield f"    none: {found.missing[role]}"


def _page(found: Roles) -> dict[str, object]:
    taps = {
        role: [dict(tap=str(tap), shape=found.shapes.get(tap)) for tap in taps]
        for role, taps in found.taps.items()
    }
    page = dict(network=found.kind, input_shape=found.input_shape, roles=taps)
    return {**page, "missing": found.missing, "error": found.error}
