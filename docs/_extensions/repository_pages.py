"""Sphinx extension that brings pages from elsewhere in the repository into the site.

The README of each folder of configs and of each project, the changelog and the like are copied to
``docs/generated/``. Links that lead out of ``docs/`` are turned into links to those copies; links
to other files lead to the repository, where its address is known (Read the Docs tells it to a
build), and are plain text elsewhere. On the start page ``@others`` stands for the pages of
``docs/`` that it does not name.
"""

import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GENERATED = DOCS / "generated"
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s#]+)(#[^()\s]*)?\)")


def copied() -> dict[Path, Path]:
    """Return the page of the site for each page that is copied."""
    pages = {
        ROOT / f"{name}.md": name.lower() for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")
    }
    for folder in ("configs", "projects"):
        for page in sorted((ROOT / folder).glob("*/README.md")):
            pages[page] = f"{folder}/{page.parent.name}"
    pages[ROOT / "projects/README.md"] = "projects/index"
    return {page: GENERATED / f"{place}.md" for page, place in pages.items()}


def rewrite(text: str, origin: Path, place: Path, pages: dict[Path, Path]) -> str:
    """Return a page's text with its links to the repository's files made fit for the site.

    Args:
        text: The page's Markdown.
        origin: Where the page lies, from where its links lead.
        place: Where the page lies in the site.
        pages: The page of the site for each page that is copied.
    """
    base = os.environ.get("READTHEDOCS_GIT_CLONE_URL", "").removesuffix(".git")
    commit = os.environ.get("READTHEDOCS_GIT_COMMIT_HASH", "main")

    def link(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        file = Path(os.path.normpath(origin.parent / target))
        if "://" in target or not file.exists():
            return match[0]
        if file.is_dir() and (file / "README.md").exists():
            file /= "README.md"
        found = pages.get(file, file if DOCS in file.parents and file.is_file() else None)
        if found is not None:
            return f"[{label}]({os.path.relpath(found, place.parent)}{anchor})"
        return f"[{label}]({base}/blob/{commit}/{file.relative_to(ROOT)})" if base else label

    return LINK.sub(link, text)


def write_pages(app: Any) -> None:
    """Write the copies, those alone that have changed, so that a second build is short."""
    pages = copied()
    for origin, place in pages.items():
        text = rewrite(origin.read_text(encoding="utf-8"), origin, place, pages)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
    for place in GENERATED.rglob("*.md"):
        if place not in pages.values():
            place.unlink()


def rewrite_page(app: Any, docname: str, source: list[str]) -> None:
    """Rewrite the links of a page that lies in ``docs/``."""
    place = DOCS / f"{docname}.md"
    if docname == "index":
        source[0] = with_others(source[0], sorted(page.stem for page in DOCS.glob("*.md")))
    if GENERATED not in place.parents:
        source[0] = rewrite(source[0], place, place, copied())


def with_others(text: str, pages: list[str]) -> str:
    """Return the start page with the pages that it does not name in place of ``@others``."""
    named = {"index", *text.splitlines()}
    return text.replace("@others", "\n".join(page for page in pages if page not in named))


def setup(app: Any) -> dict[str, bool]:
    """Connect the extension to a build."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", rewrite_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
