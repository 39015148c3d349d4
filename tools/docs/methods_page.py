"""Write docs/methods.md: all methods, the parts that they are made of, and published numbers.

The page is made from mmkd's registries, the methods' files and the literature files in configs/.
With --check the tool writes nothing, and fails if the page is out of date.

Examples:
  python tools/docs/methods_page.py
  python tools/docs/methods_page.py --check
"""

import difflib
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from literature_tables import literature
from method_collections import Collection, LiteratureError, read_collections
from page_text import filled, from_docstring, link, table
from registered_parts import COMMON, LOSSES, Part, arguments_of, registered_parts

# isort: split
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python tools/docs/methods_page.py"
ABOUT = f"""\
<!-- Written by `{COMMAND}`: change the sources, not this page. -->

# Methods

Written from mmkd's registries, the files of methods and the literature in `configs/` by
`{COMMAND}`. [How to add a method](add_a_method.md) is a page of its own.

## Methods

`--method` of `tools/train.py` takes the name in the second column, for networks of the kinds in the
next: classifiers, two-stage detectors (roi), one-stage detectors (dense; those that give boxes as
distributions, as GFL does, have settings of their own in some methods), DETR's family (queries),
and segmentation networks (segmentor). For a method without such a name use the configs of its
folder. Losses and other parts are those for the first kind.
A method is weighable if its losses have a value for each sample, which a sample weight such as
ER-KD's or EA-KD's may multiply. Where it is in part, some of its losses, or a part of its loss,
compare samples with each other; a weight on a loss that is not weighable is refused when the model
is built."""
ABOUT_PARTS = """\
## The parts

What `type='mmkd.<name>'` may be in a model. A part with a yes under labels cannot do without class
indices; one that trains has parameters of its own, beside those of the student. Networks are in
`configs/_base_/models/`."""
YES = {True: "yes", False: "", None: "not known"}


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "--configs", type=Path, default=ROOT / "configs", help="folder of the methods' folders"
    )
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "methods.md")
    parser.add_argument("--check", action="store_true", help="fail if the page is not up to date")
    return parser.parse_args()


def parts_of(settings: Any) -> Iterator[dict[str, Any]]:
    """Yield the configs of mmkd's parts in the settings of a model, outer ones first."""
    if isinstance(settings, dict):
        if str(settings.get("type", "")).startswith("mmkd."):
            yield settings
        for value in settings.values():
            yield from parts_of(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from parts_of(value)


def variants(method: Collection) -> dict[str, Any]:
    """Return the settings in a method's file, by kind of network; nothing if it has no file."""
    path = method.folder.parent / "_base_" / "methods" / f"{method.folder.name}.py"
    found: dict[str, Any] = Config.fromfile(path).method.to_dict() if path.exists() else {}
    return found


def example(method: Collection) -> list[dict[str, Any]]:
    """Return the configs of the parts that a method has for its first kind of network."""
    settings = [*variants(method).values()]
    if not settings:
        settings = [Config.fromfile(path).to_dict() for path in method.configs[:1]]
    return list(parts_of(settings[0]["model"]))


def methods_table(
    methods: list[Collection], used: dict[str, list[dict[str, Any]]], parts: list[Part], page: Path
) -> str:
    named = {part.name: part for part in parts}
    rows = []
    for method in methods:
        names = list(dict.fromkeys(p["type"].removeprefix("mmkd.") for p in used[method.name]))
        own = [named[name] for name in names if name in named and name != "Distiller"]
        losses = [part for part in own if part.kind in LOSSES]
        weighable = {part.weighable for part in losses}
        kinds = variants(method)
        rows.append(
            [
                link(method.name, os.path.relpath(method.folder / "README.md", page.parent)),
                f"`{method.folder.name}`" if kinds else "",
                ", ".join(kinds),
                link(*method.paper) if method.paper else "",
                ", ".join(f"`{part.name}`" for part in losses),
                ", ".join(f"`{part.name}`" for part in own if part not in losses),
                "in part" if len(weighable) > 1 else "".join(weighable),
                str(len(method.configs)),
            ]
        )
    header = ["method", "`--method`", "networks", "paper", "losses", "other parts", "weighable"]
    header.append("configs")
    return table(header, rows)


def parts_tables(parts: list[Part], papers: dict[str, str]) -> Iterator[str]:
    order = [*LOSSES, "Sample weights", "Teacher weights", "Logit transforms"]
    order += ["Temperatures", "Targets", "Connectors", "Locations"]
    order += ["Choices of samples", "Distillers"]
    ordered = sorted(parts, key=lambda part: (order.index(part.kind), part.name.lower()))
    for kind, group in groupby(ordered, key=lambda part: part.kind):
        ends = ["weighable"] * (kind in LOSSES) + ["labels", "trains"] * (kind != "Distillers")
        yield f"### {kind}"
        if kind in COMMON:
            common = arguments_of(COMMON[kind], None)
            yield filled(
                f"Unless a docstring says otherwise, each also takes the arguments of "
                f"`{COMMON[kind].__name__}`: `{common}`."
            )
        header = ["name", "what it is", "paper", "own arguments", *ends]
        yield table(header, [part_row(part, papers)[: len(header)] for part in group])


def part_row(part: Part, papers: dict[str, str]) -> list[str]:
    return [
        f"`{part.name}`",
        from_docstring(part.summary),
        "; ".join(cited(before, who, papers) for before, who in part.citations),
        f"`{part.arguments}`" if part.arguments else "",
        *([part.weighable] if part.kind in LOSSES else []),
        YES[part.needs_labels],
        YES[part.trains],
    ]


def cited(before: str, who: str, papers: dict[str, str]) -> str:
    """Return authors and year, linked if the words before them are a paper of the metafiles.

    For a title such as ``DE-MKD: Decoupled ...`` the words after the colon are enough.
    """
    titles = {end: url for title, url in papers.items() for end in (title, title.split(": ")[-1])}
    return link(who, next((url for title, url in titles.items() if before.endswith(title)), None))


def render(configs: Path, page: Path) -> str:
    methods = read_collections(configs)
    used = {method.name: example(method) for method in methods}
    examples: dict[str, list[dict[str, Any]]] = {}
    for settings in [part for found in used.values() for part in found]:
        examples.setdefault(settings["type"].removeprefix("mmkd."), []).append(settings)
    parts = registered_parts(examples)
    papers = dict(method.paper for method in methods if method.paper)
    sections = [
        ABOUT,
        methods_table(methods, used, parts, page),
        ABOUT_PARTS,
        *parts_tables(parts, papers),
        *literature(methods, configs),
    ]
    return "\n\n".join(sections) + "\n"


def main() -> None:
    arguments = parse_arguments()
    try:
        text = render(arguments.configs.resolve(), arguments.page.resolve())
    except LiteratureError as error:
        sys.exit(f"tools/docs/methods_page.py: {error}")
    if not arguments.check:
        arguments.page.write_text(text)
        return
    old = arguments.page.read_text() if arguments.page.exists() else ""
    if old != text:
        changes = difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=0)
        print("\n".join(list(changes)[2:20]))
        sys.exit(f"{arguments.page} is not up to date. Write it anew: {COMMAND}")


if __name__ == "__main__":
    main()
