"""``python -m mmkd methods`` and ``python -m mmkd method NAME``."""

import click

from mmkd.cli.output import JSON, tell
from mmkd.composition.description import describe, options, parts, summary
from mmkd.composition.methods import Method, method_names, read_method, read_methods
from mmkd.engine.launch import ArgumentError


@click.command()
@click.argument("words", nargs=-1)
@JSON
def methods(words: tuple[str, ...], as_json: bool) -> None:
    """List the methods, or only those whose names and descriptions contain all of the WORDS.

    \b
    Examples:
      python -m mmkd methods
      python -m mmkd methods entropy
      python -m mmkd methods --json
    """  # noqa: D301
    found = [method for method in read_methods() if _fits(method, words)]
    if not found and not as_json:
        raise click.ClickException(f"No method has all of these words: {' '.join(words)}.")
    width = max((len(method.name) for method in found), default=0)
    rows = [
        dict(name=m.name, summary=summary(m), kinds=[*m.variants], options=[*m.options])
        for m in found
    ]
    lines = [f"{m.name:{width}}  {summary(m)} ({', '.join(m.variants)})" for m in found]
    tell(rows, "\n".join(lines), as_json)


def _fits(method: Method, words: tuple[str, ...]) -> bool:
    names = " ".join(part.__name__ for part in parts(method))
    text = f"{method.name} {summary(method)} {names}".casefold()
    return all(word.casefold() in text for word in words)


def _names(context: click.Context, parameter: click.Parameter, beginning: str) -> list[str]:
    """Return the names of methods that begin with a text, for a shell's completion."""
    return [name for name in method_names() if name.startswith(beginning)]


@click.command()
@click.argument("name", shell_complete=_names)
@JSON
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
    page = dict(
        name=found.name,
        summary=summary(found),
        path=str(found.path),
        options=options(found),
        method=found.variants,
    )
    tell(page, describe(found), as_json)
