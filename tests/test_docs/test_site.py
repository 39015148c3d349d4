"""The documentation site: links out of `docs/`, and the examples that its pages show."""

import ast
import re
import sys
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
from mmengine.config import Config

from mmkd.registry import MODELS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs/_extensions"))

import repository_pages  # noqa: E402

DOCS = ROOT / "docs"
EXAMPLES = re.findall(
    r"```python\n# example: (\w+)\n(.*?)```", (DOCS / "python.md").read_text(), re.S
)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository has no address."""
    monkeypatch.delenv("READTHEDOCS_GIT_CLONE_URL", raising=False)


def rewritten(text: str, origin: str = "docs/methods.md") -> str:
    place = ROOT / origin
    pages = repository_pages.copied()
    return repository_pages.rewrite(text, place, pages.get(place, place), pages)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](../configs/erkd/README.md)", "[a](generated/configs/erkd.md)"),
        ("[a](../configs/erkd)", "[a](generated/configs/erkd.md)"),
        ("[a](../SECURITY.md#b)", "[a](generated/security.md#b)"),
        ("[a](detection.md#onnx)", "[a](detection.md#onnx)"),
        ("[a](../setup.py)", "a"),
        ("[a](no_such_page.md) x[0](y)", "[a](no_such_page.md) x[0](y)"),
        ("![a](../configs/erkd)", "![a](../configs/erkd)"),
    ],
)
def test_links_out_of_the_docs_lead_to_copies(text: str, expected: str) -> None:
    assert rewritten(text) == expected


def test_the_start_page_names_the_pages_that_others_add() -> None:
    text = repository_pages.with_others("start\n@others\nfaq", ["faq", "index", "new", "start"])
    assert text == "start\nnew\nfaq"
    assert (DOCS / "index.md").read_text().count("\n@others\n") == 1


def test_links_of_a_copy_lead_back_into_the_docs() -> None:
    text = "[a](../../docs/detection.md) [b](../kd) [c](../kd/metafile.yml)"
    expected = "[a](../../detection.md) [b](kd.md) c"
    assert rewritten(text, "configs/erkd/README.md") == expected


def test_other_files_are_linked_where_the_repository_has_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("READTHEDOCS_GIT_CLONE_URL", "https://example.org/mmkd.git")
    monkeypatch.setenv("READTHEDOCS_GIT_COMMIT_HASH", "abc")
    assert rewritten("[a](../setup.py)") == "[a](https://example.org/mmkd/blob/abc/setup.py)"


@pytest.mark.parametrize(("name", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_of_the_python_page_run(
    name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"docs/python.md, {name}", "exec"), {})


def test_the_python_page_has_its_examples() -> None:
    assert [name for name, _ in EXAMPLES] == ["distill", "terms", "functional"]


def test_the_config_of_the_page_on_configs_is_whole_and_builds(tmp_path: Path) -> None:
    pytest.importorskip("mmpretrain")
    page = (DOCS / "configs_and_roles.md").read_text()
    (tmp_path / "shown.py").write_text(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0])
    config = Config.fromfile(tmp_path / "shown.py")
    assert {"train_dataloader", "optim_wrapper", "train_cfg", "custom_hooks"} <= config.keys()
    config.model.teacher.checkpoint = None
    model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
    assert [*model.terms] == ["kd", "hint"]


def test_each_chinese_page_exists_in_the_start_page() -> None:
    start = (DOCS / "zh_cn/index.md").read_text()
    for page in (DOCS / "zh_cn").glob("*.md"):
        assert page.stem == "index" or f"\n{page.stem}\n" in start


def test_the_faq_answers_each_error_by_name() -> None:
    page = (DOCS / "faq.md").read_text()
    titles = re.findall(r"^### (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    rows = re.findall(r"^\| (`.*) \| \[.*\]\(#(.*)\) \|$", page, re.MULTILINE)
    assert {anchor for _, anchor in rows} <= anchors
    classes = [
        node.name
        for path in (ROOT / "mmkd").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
    ]
    assert sorted(name for names, _ in rows for name in re.findall(r"\w+", names)) == sorted(
        classes
    )


TOOLS = [
    path
    for path in sorted((ROOT / "tools").rglob("*.py"))
    if re.search(r"ArgumentParser\(|drawing_parser\(", path.read_text())
]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda path: path.name)
def test_the_help_of_each_tool_has_examples_of_it(tool: Path) -> None:
    text = tool.read_text()
    examples = ast.get_docstring(ast.parse(text)).partition("Example")[2]
    assert f"python tools/{tool.relative_to(ROOT / 'tools')} " in examples.replace("\n", " ") + " "
    assert "formatter_class=" in text or "drawing_parser(__doc__" in text
