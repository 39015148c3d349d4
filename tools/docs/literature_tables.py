"""Tables of published numbers: a row per method, a column per pair of networks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from method_collections import ENDINGS, Collection, Number
from page_text import table

# The order is that of the tables in the distillation literature.
USUAL_PAIRS = (
    "resnet32x4_resnet8x4",
    "vgg13_vgg8",
    "wrn_40_2_wrn_16_2",
    "wrn_40_2_wrn_40_1",
    "resnet32x4_ShuffleV2",
    "ResNet50_MobileNetV2",
    "vgg13_MobileNetV2",
)
HEADINGS = {"MS-COCO": "MS-COCO, box AP"}
ABOUT = """\
These are reports of papers and of the READMEs of code. None of these numbers was measured here, and
most are those of the best epoch on the test set. Rows of different sources may differ in their
teachers, schedules and libraries. Letters tell the sources, which are listed below the tables. What
was measured here is in [benchmarks](benchmarks/)."""
# The collection of results of networks without a teacher.
ALONE = "Baselines"


@dataclass
class Cell:
    """Place of a number."""

    data: str
    pair: str
    row: str
    number: Number


def literature(methods: list[Collection], configs: Path) -> Iterator[str]:
    """Yield the section of the page about published numbers."""
    pairs = {path.stem for path in configs.glob("_base_/pairs/*.py")}
    found = [cell for method in methods for cell in cells_of(method, pairs)]
    compared = [cell for cell in found if cell.row != ALONE]
    cells = [*alone(found, compared), *compared]
    sources = sorted({cell.number.source for cell in cells}, key=lambda name: (name.lower(), name))
    letters = dict(zip(sources, marks(), strict=False))
    yield "## Published numbers"
    yield ABOUT
    data_sets = [*ENDINGS, *sorted({cell.data for cell in cells} - set(ENDINGS))]
    for data in data_sets:
        own = [cell for cell in cells if cell.data == data]
        if own:
            yield f"### {HEADINGS.get(data, f'{data}, top-1 accuracy (%)')}"
            yield from tables(own, letters)
    yield "### Sources"
    yield "\n".join(f"- {letter}: {source}" for source, letter in letters.items())


def marks() -> Iterator[str]:
    """Yield a, b, ..., z, aa, ab, ..."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    yield from letters
    yield from (one + other for one in letters for other in letters)


def cells_of(method: Collection, pairs: set[str]) -> Iterator[Cell]:
    for number in method.numbers:
        pair, variant = split(number, pairs)
        row = f"{method.name}, `{variant}`" if variant else method.name
        yield Cell(number.data, pair, row, number)


def alone(found: list[Cell], compared: list[Cell]) -> Iterator[Cell]:
    """Yield the results of each pair's teacher, and of its student without distillation."""
    networks = [cell for cell in found if cell.row == ALONE]
    for data, pair in dict.fromkeys((cell.data, cell.pair) for cell in compared):
        own = [cell for cell in networks if cell.data == data]
        for role, place in (("teacher alone", "{0}_{1}"), ("student alone", "{1}_{0}")):
            for cell in own:
                others = {place.format(cell.pair, other.pair) for other in own}
                if pair in others:
                    yield Cell(data, pair, role, cell.number)


def split(number: Number, pairs: set[str]) -> tuple[str, str]:
    """Return the pair of networks of a number, and the other words of its config's name."""
    known = {pair.removesuffix(ENDINGS[number.data]).removesuffix("_180k") for pair in pairs}
    for pair in sorted(known, key=len, reverse=True):
        if f"_{pair}_" in f"_{number.pair}_":
            return pair, number.pair.replace(pair, "").strip("_")
    return number.pair, ""


def tables(cells: list[Cell], letters: dict[str, str]) -> Iterator[str]:
    found = {cell.pair for cell in cells}
    usual = [pair for pair in USUAL_PAIRS if pair in found]
    for columns in (usual, sorted(found - {*usual}, key=str.lower)):
        if columns:
            rows = dict.fromkeys(cell.row for cell in cells if cell.pair in columns)
            yield table(
                ["method", *(f"`{column}`" for column in columns)],
                [[row, *(at(cells, row, column, letters) for column in columns)] for row in rows],
            )


def at(cells: list[Cell], row: str, column: str, letters: dict[str, str]) -> str:
    found = [cell.number for cell in cells if (cell.row, cell.pair) == (row, column)]
    return ", ".join(f"{one.value} <sup>{letters[one.source]}</sup>" for one in found)
