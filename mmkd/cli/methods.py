"""``python -m mmkd methods`` and ``python -m mmkd method NAME``."""

import json

import click

from mmkd.composition.description import describe, options, parts, summary
from mmkd.composition.methods import Method, method_names, read_method, read_methods
from mmkd.engine.launch import ArgumentError


@click.command()
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def methods(words: tuple[str, ...], as_json: bool) -> None:
    """List the methods, or those whose names and descriptions have all of the WORDS.

    \b
    Examples:
      python -m mmkd methods
      python -m mmkd methods entropy
      python -m mmkd methods --json
    """  # noqa: D301
    found = [method for method in read_methods() if _fits(method, words)]
    if as_json:
        rows = [
            dict(name=m.name, summary=summary(m), kinds=[*m.variants], options=[*m.options])
            for m in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max((len(method.name) for method in found), default=0)
    for each in found:
        click.echo(f"{each.name:{width}}  {summary(each)} ({', '.join(each.variants)})")
    if not found:
        raise click.ClickException(f"No method has all of these words: {' '.join(words)}.")


def _fits(method: Method, words: tuple[str, ...]) -> bool:
    names = " ".join(part.__name__ for part in parts(method))
    text = f"{method.name} {summary(method)} {names}".casefold()
    return all(word.casefold() in text for word in words)


def _names(context: click.Context, parameter: click.Parameter, beginning: str) -> list[str]:
    """Return the names of methods that begin so, for the completion of a shell."""
    return [name for name in method_names() if name.startswith(beginning)]


@click.command()
@click.argument("name", shell_complete=_names)
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
def method(name: str, as_json: bool) -> None:
    """Describe the method NAME: its computation, its settings with defaults, its config.

    \b
    Examples:
      python -m mmkd method erkd
      python -m mmkd method dkd --json
    """  # noqa: D301
    try:
        found = read_method(name)
    except ArgumentError as error:
        raise click.ClickException(str(error)) from error
    if not as_json:
        click.echo(describe(found))
        return
    page = dict(name=found.name, summary=summary(found), path=str(found.path))
    click.echo(json.dumps({**page, "options": options(found), "method": found.variants}, indent=2))
