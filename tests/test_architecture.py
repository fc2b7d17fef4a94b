"""The floors of the house: what lies on one imports only from its own and from those below."""

import ast
from collections.abc import Iterator
from pathlib import Path

import harness

ROOT = Path(harness.__file__).parent

FLOORS = (
    "errors",
    "rounding",
    "metrics",
    "experiment",
    "words",
    "expression",
    "units",
    "run_result",
    "system",
    "data",
    "models",
    "spec",
    "training",
    "compile",
    "backend",
    "plan",
    "store",
    "judging",
    "report",
    "compare",
    "follow",
    "ci",
    "runner",
    "testing",
    "authoring",
    "cli",
    "pytest_plugin",
    "__main__",
)
"""The modules and packages of the harness, from the ground up."""


def floors_of(path: Path) -> str:
    """Return the floor that a file belongs to."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    """Yield the floor of everything of the harness that a file imports, within functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module or ""
            names = [f"{module}.{each.name}" for each in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "harness" and rest:
                yield rest.partition(".")[0]


MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


def test_every_module_is_on_a_floor() -> None:
    assert {floors_of(path) for path in MODULES} == set(FLOORS)


def test_a_module_imports_from_its_floor_and_those_below() -> None:
    upward = {
        f"{path.relative_to(ROOT)} imports {each}"
        for path in MODULES
        for each in imported(path)
        if each in FLOORS and FLOORS.index(each) > FLOORS.index(floors_of(path))
    }
    assert not upward
