"""Output of the commands: lines for a reader, or JSON for a program."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def tell(page: object, text: str, as_json: bool) -> None:
    """Print a result: an object or a list as JSON, or its text."""
    click.echo(json.dumps(page, indent=2) if as_json else text)


@contextmanager
def logs_apart(as_json: bool) -> Iterator[None]:
    """Send what is printed meanwhile to the standard error, so that JSON stands alone."""
    with redirect_stdout(sys.stderr if as_json else sys.stdout):
        yield
