"""The code and packages that decide results, and whether a run was made by the present ones.

The key of a run holds its settings. What computes them is recorded beside its result: a digest of
every module that compiles, feeds or trains it, and the versions of the packages that compute. A run
that was made by others is stale. A module's digest is that of its syntax tree
(`harness.system.source_code`).
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import harness
from harness.experiment import Metric
from harness.final_metrics import GIVEN, row_of
from harness.run_result import Code
from harness.system import machine
from harness.system.json_value import Value
from harness.system.source_code import digest, imported

ROOTS = ("compile", "data", "models", "training", "backend", "runner.make")
"""The modules and packages of the harness that decide results, and so does all that they import."""

RECORDING = frozenset(
    (
        "harness",
        "harness.errors",
        "harness.run_result",
        "harness.words",
        "harness.system",
        "harness.system.machine",
        "harness.system.processor",
        "harness.system.json_value",
        "harness.data.facts",
        "harness.data.loaded",
        "harness.data.places",
        "harness.models.size",
        "harness.own",
        "harness.own.calls",
        "harness.own.registered",
        "harness.own.sources",
        "harness.system.source_code",
    )
)
"""Modules among these that decide nothing.

They check, record, or find what is identified elsewhere.
"""

_PACKAGES = ("keras", "tensorflow", "numpy")
"""TensorFlow reads and augments the data whatever the backend."""

_SHOWN = 3
"""How many modules and packages a sentence names."""

NOT_RECORDED = "it was made before the code that makes a run was recorded"


def code(value: Value) -> Code:
    """Return the code that made a run, from its record in JSON.

    Raises:
        WrongForm: it is none.
    """
    return Code(_texts(value.member("modules")), _texts(value.member("packages")))


def _texts(value: Value) -> dict[str, str]:
    """Return an object of texts; a place for each is made only where one is none."""
    found = value.object()
    if not all(isinstance(each, str) for each in found.values()):
        return {name: each.text() for name, each in value.members()}
    return found


def present(backend: str) -> Code:
    """Return what makes a run here and now with a backend; nothing of it is imported."""
    return Code(modules(), _versions((*_PACKAGES, *(["jax"] if backend == "jax" else []))))


def difference(made_by: Code | None) -> str:
    """Say how the code that made a run differs from the present one, "" where it does not."""
    return NOT_RECORDED if made_by is None else _difference(made_by, modules())


def measuring(metric: Metric, backend: str | None) -> Code:
    """Return what measures a final metric of a finished run here and now.

    `backend` is None where none takes part; nothing of it is imported.
    """
    computing = ("numpy",) if backend is None else present(backend).packages
    return Code(modules_of(metric), _versions(computing))


def measuring_difference(measured_by: Code, metric: Metric) -> str:
    """Say how the code that measured a final metric differs from the present one, or nothing."""
    return _difference(measured_by, modules_of(metric))


def _difference(made_by: Code, there: Mapping[str, str]) -> str:
    now = Code(there, _versions(made_by.packages))
    changed = [
        *_changed(made_by.modules, now.modules),
        *(
            f"{name} is {now.packages[name]} now, not {version}"
            for name, version in made_by.packages.items()
            if now.packages[name] != version
        ),
    ]
    more = len(changed) - _SHOWN
    return "; ".join([*changed[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    if then == now:
        return
    for name in sorted({*then, *now}):
        if name not in now:
            yield f"{name} is gone"
        elif name not in then:
            yield f"{name} is new"
        elif then[name] != now[name]:
            yield f"{name} changed"


def _versions(packages: Iterable[str]) -> dict[str, str]:
    return {name: version(name) for name in packages}


def version(package: str) -> str:
    """Return the version of a package; as of the modules, the first that is found is kept."""
    return machine.known(lambda: _found(package))


@functools.cache
def _found(package: str) -> str:
    """Return the version of a package; raises LookupError, which is not kept, where none is."""
    found = machine.installed(package)
    if found == machine.UNKNOWN:
        raise LookupError(package)
    return found


@functools.cache
def modules() -> Mapping[str, str]:
    """Return the digest of every module that decides results.

    The first answer is kept: what counts is the code that was there when the process began.
    """
    return modules_in(Path(harness.__file__).parent)


def modules_of(metric: Metric) -> Mapping[str, str]:
    """Return the digest of every module that decides what a final metric comes to.

    Those are the module of its function, and what that one imports. Of a metric that the harness
    does not bring, they are what gives it the runs, and its own code by its call: a digest, and the
    installed package that it is of.
    """
    row = row_of(metric)
    if metric.own is None:
        return _modules_from(row.function)
    own = f"{metric.own.sha256} {metric.own.distribution or ''}".rstrip()
    return {
        **_modules_from(row.function),
        **_modules_from(GIVEN[row.source]),
        str(metric.own.call): own,
    }


@functools.cache
def _modules_from(name: str) -> Mapping[str, str]:
    """Return the digests of a module and of all that it imports; the first answer is kept.

    `name` is that of the module, or of something in it, as "module:name".
    """
    module, _, _ = name.partition(":")
    return modules_in(Path(harness.__file__).parent, (module.removeprefix("harness."),))


def modules_in(folder: Path, roots: tuple[str, ...] = ROOTS) -> dict[str, str]:
    """Return the digest of every module that decides results, of the harness in a folder.

    `roots` are the modules and packages with which they begin.

    Returns:
        The digests by the modules' names.

    Raises:
        OSError: a file cannot be read.
        SyntaxError: one is no Python.
    """
    files = {_name(path.relative_to(folder)): path for path in folder.rglob("*.py")}
    starts = tuple(f"harness.{root}." for root in roots)
    waiting = [name for name in files if f"{name}.".startswith(starts)]
    found: dict[str, str] = {}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in files and name not in seen | RECORDING:
            tree = ast.parse(files[name].read_bytes())
            found[name] = digest(tree)
            waiting += imported(tree)
        seen.add(name)
    return dict(sorted(found.items()))


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(["harness", *(parts[:-1] if parts[-1] == "__init__" else parts)])
