"""Output of the commands: lines for a reader, or JSON for a program."""

import json
import sys
from contextlib import redirect_stdout
from typing import Any

import click

STDOUT = "mmkd.stdout"


def _stand_alone(context: click.Context, parameter: click.Parameter, as_json: bool) -> bool:
    """Redirect to the standard error all output besides the JSON, such as logs."""
    if as_json:
        context.meta[STDOUT] = sys.stdout
        context.with_resource(redirect_stdout(sys.stderr))
    return as_json


JSON = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_stand_alone,
    help="Print JSON, and logs to the standard error.",
)


def tell(page: Any, text: str, as_json: bool) -> None:
    """Print a command's result: an object or a list as JSON, or its text."""
    if as_json:
        click.echo(json.dumps(page, indent=2), file=click.get_current_context().meta[STDOUT])
    else:
        click.echo(text)
