"""tools/docs/methods_page.py."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import mmkd  # noqa: F401

# isort: split
import pytest
from tool_runs import ROOT

from mmkd.registry import MODELS

PAGE = ROOT / "docs/methods.md"
LITERATURE = """\
name: {name}
paper:
  title: A Paper of {name}
  url: https://example.org/{name}
literature:
"""
CONFIG = """\
model = dict(
    type="mmkd.Distiller",
    terms=dict(
        kd=dict(loss=dict(type="mmkd.KDLoss"), sample_weight=dict(type="mmkd.EntropyWeight")),
        rkd=dict(loss=dict(type="mmkd.RKDLoss")),
    ),
)
"""


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools/docs"))
    return importlib.import_module("methods_page")


@pytest.fixture
def parts(tool: ModuleType) -> ModuleType:
    return importlib.import_module("registered_parts")


def write(root: Path, folder: str, configs: list[str], literature: str) -> Path:
    """Write the folder of a method: its configs, and lines of its literature."""
    place = root / "configs" / folder
    place.mkdir(parents=True)
    for config in configs:
        (place / f"{config}.py").write_text(CONFIG)
    (place / "literature.yml").write_text(LITERATURE.format(name=folder) + literature)
    return place / "literature.yml"


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """Two methods and the networks alone."""
    write(
        tmp_path,
        "alpha",
        ["vgg13_vgg8_cifar100", "vgg13_vgg8_long_cifar100", "r101_r50_coco", "a_b_fmnist8k"],
        """\
  Paper B:
    vgg13_vgg8_cifar100: 71.30
    vgg13_vgg8_long_cifar100: 72.5
    a_b_imagenet: 70.1
    r101_r50_coco: 40.2
  A | Z:
    vgg13_vgg8_cifar100: 70
""",
    )
    beta = "  A | Z:\n    a_b_imagenet: 69.0\n    odd_cifar100: 60.0\n"
    write(tmp_path, "beta", ["odd_cifar100"], beta)
    networks = "  Paper B:\n    vgg13_cifar100: 74.64\n    vgg8_cifar100: 70.36\n"
    write(tmp_path, "Baselines", ["vgg13_cifar100", "vgg8_cifar100"], networks)
    for folder in ("pairs", "methods"):
        (tmp_path / "configs/_base_" / folder).mkdir(parents=True)
    (tmp_path / "configs/_base_/pairs/vgg13_vgg8_cifar100.py").touch()
    method = "method = dict(classifier=settings, dense=settings)\ndel settings\n"
    text = CONFIG.replace("model = ", "settings = dict(model=", 1).rstrip() + ")\n" + method
    (tmp_path / "configs/_base_/methods/alpha.py").write_text(text)
    return tmp_path / "configs"


def run(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["methods_page.py", *map(str, arguments)])
    tool.main()


def test_docs_methods_is_up_to_date(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tool, monkeypatch, "--check")


def test_every_registered_part_is_on_the_page() -> None:
    text = PAGE.read_text()
    MODELS.import_from_location()
    folders = ("mmkd.losses.", "mmkd.weights.", "mmkd.logits.", "mmkd.connectors.")
    parts = [name for name, cls in MODELS.module_dict.items() if cls.__module__.startswith(folders)]
    assert len(parts) > 50
    assert [name for name in parts if f"\n| `{name}` |" not in text] == []


def test_a_made_up_folder(tool: ModuleType, configs: Path, tmp_path: Path) -> None:
    text = tool.render(configs, tmp_path / "docs/page.md")
    lines = text.splitlines()
    assert (
        "| [alpha](../configs/alpha/README.md) | `alpha` | classifier, dense "
        "| [A Paper of alpha](https://example.org/alpha) "
        "| `KDLoss`, `RKDLoss` | `EntropyWeight` | in part | 4 |"
    ) in lines
    assert (
        "| [beta](../configs/beta/README.md) |  |  | [A Paper of beta](https://example.org/beta) "
        "| `KDLoss`, `RKDLoss` | `EntropyWeight` | in part | 1 |"
    ) in lines
    start = lines.index("### CIFAR-100, top-1 accuracy (%)")
    assert lines[start + 2 :] == [
        "| method | `vgg13_vgg8` |",
        "| --- | --- |",
        "| teacher alone | 74.64 <sup>b</sup> |",
        "| student alone | 70.36 <sup>b</sup> |",
        "| alpha | 71.30 <sup>b</sup>, 70 <sup>a</sup> |",
        "| alpha, `long` | 72.5 <sup>b</sup> |",
        "",
        "| method | `odd` |",
        "| --- | --- |",
        "| beta | 60.0 <sup>a</sup> |",
        "",
        "### ImageNet-1k, top-1 accuracy (%)",
        "",
        "| method | `a_b` |",
        "| --- | --- |",
        "| alpha | 70.1 <sup>b</sup> |",
        "| beta | 69.0 <sup>a</sup> |",
        "",
        "### MS-COCO, box AP",
        "",
        "| method | `r101_r50` |",
        "| --- | --- |",
        "| alpha | 40.2 <sup>b</sup> |",
        "",
        "### Sources",
        "",
        "- a: A | Z",
        "- b: Paper B",
    ]
    assert text == tool.render(configs, tmp_path / "docs/page.md")


def test_check_finds_a_stale_page(
    tool: ModuleType, configs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    page = configs / "page.md"
    arguments = ("--configs", configs, "--page", page)
    with pytest.raises(SystemExit, match=r"not up to date.*python tools/docs/methods_page.py"):
        run(tool, monkeypatch, *arguments, "--check")
    assert not page.exists()
    run(tool, monkeypatch, *arguments)
    run(tool, monkeypatch, *arguments, "--check")
    page.write_text(page.read_text().replace("71.30", "99.99"))
    capsys.readouterr()
    with pytest.raises(SystemExit, match="not up to date"):
        run(tool, monkeypatch, *arguments, "--check")
    assert "+| alpha | 71.30" in capsys.readouterr().out


WRONG = {
    "no number": ("  Paper B:\n    a_b_cifar100: best\n", "write a number"),
    "no source": ('  "":\n    a_b_cifar100: 70.0\n', "the name of its source"),
    "no data set": ("  Paper B:\n    a_b: 70.0\n", "ends with no data set"),
    "no mapping": ("  - 70.0\n", "has not the shape"),
    "no YAML": ("  Paper B: [\n", "flow"),
    "other key": ("  Paper B:\n    a_b_cifar100: 70.0\nresults: 3\n", "allowed are"),
}


@pytest.mark.parametrize("case", WRONG)
def test_literature_of_another_shape_is_named(
    case: str, tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, words = WRONG[case]
    path = write(tmp_path, "alpha", ["a_b_cifar100"], lines)
    with pytest.raises(SystemExit) as ended:
        run(tool, monkeypatch, "--configs", tmp_path / "configs", "--page", tmp_path / "page.md")
    assert str(path) in str(ended.value)
    assert words in str(ended.value)


@pytest.mark.parametrize(
    ("name", "kind", "weighable", "needs_labels", "trains"),
    [
        ("KDLoss", "Losses on logits", "yes", False, False),
        ("DKDLoss", "Losses on logits", "yes", True, False),
        ("DISTLoss", "Losses on logits", "in part", False, False),
        ("RKDLoss", "Losses on features", "", False, False),
        ("VIDLoss", "Losses on features", "yes", False, True),
        ("CRDLoss", "Losses on features", "yes", True, True),
        ("OFDLoss", "Losses on features", "yes", False, False),
        ("EntropyWeight", "Sample weights", "", False, False),
        ("CAMKDWeight", "Teacher weights", "", True, False),
        ("EntropyController", "Logit transforms", "", False, True),
        ("CurriculumTemperature", "Temperatures", "", False, True),
        ("ProbabilityShift", "Targets", "", True, False),
        ("ReviewConnector", "Connectors", "", False, True),
    ],
)
def test_what_a_part_is(
    name: str, kind: str, weighable: str, needs_labels: bool, trains: bool, parts: ModuleType
) -> None:
    # These cannot be built without arguments.
    given = dict(CRDLoss=dict(queue_size=8), OFDLoss=dict(norms=["norm"]))
    examples = [dict(given[name], type=f"mmkd.{name}")] if name in given else []
    part = parts.describe(name, MODELS.get(name), kind, examples)
    assert parts.kind_of(MODELS.get(name)) == kind
    assert (part.weighable, part.needs_labels, part.trains) == (weighable, needs_labels, trains)


def test_what_a_docstring_says_becomes_markdown(tool: ModuleType) -> None:
    given = r"The norm :math:`\|x\|` of :class:`mmkd.losses.KDLoss`," + "\nas ``a_b`` has it."
    assert tool.from_docstring(given) == r"The norm $`\Vert x\Vert `$ of `KDLoss`, as `a_b` has it."


def test_arguments_and_papers(tool: ModuleType, parts: ModuleType) -> None:
    weight = parts.describe("EntropyWeight", MODELS.get("EntropyWeight"), "Sample weights", [])
    # Those of the base too, to which it hands on what it does not know.
    assert weight.arguments.startswith("temperature=4.0, batch_mean=False, normalize=False")
    loss = parts.describe("TTMLoss", MODELS.get("TTMLoss"), "Losses on logits", [])
    assert loss.arguments == "gamma=0.1"
    [(before, who)] = loss.citations
    assert before.endswith("Knowledge Distillation Based on Transformed Teacher Matching")
    assert who == "Zheng and Yang, ICLR 2024"
    assert tool.cited(before, who, {"TM: Transformed Teacher Matching": "url"}) == f"[{who}](url)"
    assert tool.cited(before, who, {"Another": "url"}) == who
