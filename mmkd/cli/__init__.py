"""The command ``python -m mmkd``."""

import sys

import click

from mmkd.cli.calibrate import calibrate
from mmkd.cli.cohort import cohort
from mmkd.cli.compose import compose
from mmkd.cli.cost import cost
from mmkd.cli.methods import method, methods
from mmkd.cli.roles import roles
from mmkd.cli.search import search
from mmkd.cli.store import store
from mmkd.doctor import main as examine
from mmkd.version import __version__


@click.group(context_settings=dict(help_option_names=["-h", "--help"]))
@click.version_option(__version__, prog_name="mmkd")
def command() -> None:
    """Look up methods and roles, compose distillation configs, examine the environment.

    \b
    Examples:
      python -m mmkd methods entropy
      python -m mmkd method erkd
      python -m mmkd roles mmpretrain::resnet/resnet18_8xb32_in1k.py
      python -m mmkd compose mmpretrain::resnet/resnet18_8xb32_in1k.py \\
          --teacher mmpretrain::resnet/resnet34_8xb32_in1k.py --method erkd
      python -m mmkd cost configs/erkd/resnet32x4_resnet8x4_cifar100.py
      python -m mmkd search my_config.py --hold-out 5000 --work-dir search \\
          --search "model.terms.kd.weight=loguniform(0.1,10)"
      python -m mmkd doctor
    """  # noqa: D301


@command.command()
@click.option("--weights", is_flag=True, help="Ask only which sources of weights can be reached.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def doctor(weights: bool, as_json: bool) -> None:
    """Examine the environment that mmkd runs in.

    For each problem it prints the command that repairs it. The exit code is 1 if something is
    broken.

    \b
    Examples:
      python -m mmkd doctor
      python -m mmkd doctor --weights
      python -m mmkd doctor --json
    """  # noqa: D301
    chosen = {"--weights": weights, "--json": as_json}
    sys.exit(examine([option for option, given in chosen.items() if given]))


for each in (methods, method, roles, compose, cohort, cost, store, calibrate, search):
    command.add_command(each)

__all__ = ["command"]
