"""The floors of the house: what lies on one imports only from its own and from those below."""

import ast
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import harness

ROOT = Path(harness.__file__).parent

FLOORS = (
    "errors",
    "rounding",
    "metrics",
    "experiment",
    "final_metrics",
    "words",
    "expression",
    "units",
    "run_result",
    "budget",
    "system",
    "own",
    "data",
    "models",
    "spec",
    "training",
    "compile",
    "backend",
    "plan",
    "store",
    "measuring",
    "judging",
    "report",
    "compare",
    "site",
    "follow",
    "ci",
    "runner",
    "testing",
    "authoring",
    "interface",
    "cli",
    "pytest_plugin",
    "__main__",
)
"""The modules and packages of the harness, from the ground up."""


def floors_of(path: Path) -> str:
    """Return the floor that a file belongs to."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported_names(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, for types and within functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module or ""
            names = [f"{module}.{each.name}" for each in node.names]
        else:
            continue
        yield from names


def imported(path: Path) -> Iterator[str]:
    """Yield the floor of everything of the harness that a file imports."""
    for name in imported_names(path):
        package, _, rest = name.partition(".")
        if package == "harness" and rest:
            yield rest.partition(".")[0]


def imported_modules(path: Path) -> set[str]:
    """Return the modules of the harness that a file imports, for types and within functions too."""
    found = {module_of(name) for name in imported_names(path)}
    return found - {"", "harness", module_name(path)}


def module_of(name: str) -> str:
    """Return the module of the harness that a dotted name lies in, nothing where it is no such."""
    while name and name not in BY_NAME:
        name = name.rpartition(".")[0]
    return name


def module_name(path: Path) -> str:
    """Return the name that a file of the harness is imported by."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def reached(module: str, imports: Mapping[str, Set[str]]) -> set[str]:
    """Return what a module imports, directly or through others."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = imports[waiting.pop()] - found
        found |= new
        waiting += new
    return found


MODULES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]
BY_NAME = {module_name(path): path for path in MODULES}


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


def test_no_two_modules_import_each_other() -> None:
    imports = {name: imported_modules(path) for name, path in BY_NAME.items()}
    circles = sorted(name for name in imports if name in reached(name, imports))
    assert not circles
