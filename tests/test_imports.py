"""Layers of the packages: no circular and no upward import."""

import ast
from pathlib import Path

import mmkd

ROOT = Path(mmkd.__file__).parent
# From the ground up. A package may import those before it, and itself.
LAYERS = [
    {"version", "typed", "arguments", "arithmetic", "schedule", "contracts"},
    {"registry"},
    {"compat", "randomness"},
    {"networks"},
    {"teachers"},
    {"models", "datasets", "loading", "logits", "connectors", "locations"},
    {"losses", "weights", "selection"},
    {"store"},
    {"functional", "terms"},
    {"distillers"},
    {"evaluation"},
    {"hooks", "doctor"},
    {"engine"},
    {"benchmark"},
    {"visualization"},
    {"composition"},
    {"migration"},
    {"cli", "distillation"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imports():
    """Each file of the package with the modules of mmkd that it imports, when it is imported."""
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        skipped = {
            id(node)
            for test in ast.walk(tree)
            if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.dump(test.test)
            for child in test.body
            for node in ast.walk(child)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or id(node) in skipped:
                continue
            if (node.module or "").split(".")[0] == "mmkd":
                yield module.removesuffix(".__init__"), node


def package(module):
    return module.split(".")[1] if "." in module else ""


def test_no_package_imports_one_above_it():
    upward = [
        f"{module} imports {node.module}"
        for module, node in imports()
        if package(module) in LEVEL
        and package(node.module) in LEVEL
        and package(module) != package(node.module)
        and LEVEL[package(node.module)] >= LEVEL[package(module)]
    ]
    assert not upward


def test_every_package_has_its_layer():
    found = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    found -= {"__init__", "__main__", "__pycache__", ".mim"}
    assert {name for name in found if not name.startswith(".")} == set(LEVEL)


def test_no_circle():
    modules = {
        ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in ROOT.rglob("*.py")
    }
    graph = {module: set() for module in modules}
    for module, node in imports():
        for name in node.names:
            whole = f"{node.module}.{name.name}"
            target = whole if whole in modules else node.module
            # An __init__ that exports its own package's files is no part of a circle among them.
            if not f"{target}.".startswith(f"{module}.") and target in modules:
                graph[module].add(target)
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for target in sorted(graph[module]):
            visit(target)
        path.pop()
        done.add(module)

    for module in sorted(graph):
        visit(module)
