"""Settings of the documentation site: `sphinx-build -W docs work_dirs/site`."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_extensions")]

project = "mmkd"
author = "The mmkd contributors"
project_copyright = "The mmkd contributors, Apache 2.0"
version = release = runpy.run_path(str(DOCS.parent / "mmkd/version.py"))["__version__"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
    "repository_pages",
]
exclude_patterns = ["_extensions", "Thumbs.db"]
html_theme = "furo"
html_title = f"mmkd {release}"

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

toc_object_entries = False  # else each page carries a copy of the whole reference
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# The API pages need torch and MMEngine. Where the rest of the stack is missing, as on a server that
# only builds pages, its modules are mocked.
autodoc_mock_imports = [
    name for name in ("mmcv", "mmdet", "mmpretrain", "pyarrow", "cv2") if find_spec(name) is None
]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes of a dataclass are documented once

# Commands with placeholders such as <pair> are no valid shell.
suppress_warnings = ["misc.highlighting_failure"]
