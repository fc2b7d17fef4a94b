"""Functions that a specification calls: found and checked from their files, never imported.

"my_package.nets:tiny" is the function `tiny` of the module `my_package.nets`. The module is looked
for in a folder first, that of the specification, and then wherever Python looks.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from harness.own.kinds import Kind
from harness.system.files import read_bytes

MOST_BYTES = 1 << 22
"""A module of source code is no larger."""


class CallFault(ValueError):
    """Something is wrong with a call.

    Attributes:
        at: The setting below the part where it is wrong.
        found: A name that is not known, and `kind` of what; "" where the message says all.
        allowed: The names that are known.
    """

    def __init__(
        self,
        at: tuple[str, ...],
        message: str,
        kind: str = "",
        found: str = "",
        allowed: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.at, self.kind, self.found, self.allowed = at, kind, found, tuple(allowed)


@dataclass(frozen=True)
class Called:
    """A function, found in its file.

    Attributes:
        module: The dotted name of its module.
        path: The file of the module.
        root: The folder that the module's name begins in.
        function: The definition of the function.
    """

    module: str
    path: Path
    root: Path
    function: ast.FunctionDef


def find(call: str, folder: Path | None) -> Called:
    """Find a function that is called, and the file that defines it; nothing is imported.

    Args:
        call: The function, as "module:function".
        folder: Where its module is looked for first; None: only where Python looks.

    Raises:
        CallFault: there is no such module or function, or no source code of it.
    """
    module, _, name = call.partition(":")
    path = _file(module, folder)
    if path is None:
        raise _nowhere(module, folder)
    functions = _functions(path)
    if name not in functions:
        message = f"{path} defines no function {name} at its top level"
        raise CallFault(("call",), message, f"function of {path.name}", name, list(functions))
    parts = len(module.split(".")) + (path.stem == "__init__")
    return Called(module, path, path.parents[parts - 1], functions[name])


def _file(module: str, folder: Path | None) -> Path | None:
    """Find the file of a module as an import would, without importing the packages it lies in.

    Raises:
        CallFault: there is such a module, but no source code of it.
    """
    importlib.invalidate_caches()
    first, *rest = module.split(".")
    found = PathFinder.find_spec(first, [*_first(folder), *sys.path]) or _by_hooks(first)
    if found is None:
        return None
    path = _source(first, found)
    folders = [Path(each) for each in found.submodule_search_locations or ()]
    for part in rest:
        path, folders = _deeper(folders, part)
    return path


def _deeper(folders: Sequence[Path], part: str) -> tuple[Path | None, list[Path]]:
    """Return the file of a module in one of some folders, and the folders of modules within it."""
    for folder in folders:
        package, module = folder / part / "__init__.py", folder / f"{part}.py"
        if package.is_file():
            return package, [package.parent]
        if module.is_file():
            return module, []
    return None, [folder / part for folder in folders if (folder / part).is_dir()]


def _first(folder: Path | None) -> list[str]:
    return [] if folder is None else [str(folder)]


def _by_hooks(module: str) -> ModuleSpec | None:
    """Find a module of one name where packages lie that are installed for editing."""
    try:
        return importlib.util.find_spec(module)
    except ValueError:  # a module such as __main__, of which Python does not know where it is from
        return None


def _source(module: str, found: ModuleSpec) -> Path | None:
    """Return the file with the source code of a module, None of a folder of modules alone."""
    if found.origin is None and found.submodule_search_locations is not None:
        return None
    if not found.has_location or found.origin is None or not found.origin.endswith(".py"):
        raise CallFault(("call",), f"of the module {module} there is no source code in Python")
    return Path(found.origin)


def _nowhere(module: str, folder: Path | None) -> CallFault:
    beside = sorted(path.stem for path in folder.glob("*.py")) if folder else []
    message = f"neither in {folder} nor elsewhere does Python find a module {module}"
    return CallFault(("call",), message, "module", module, beside)


def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    tree = parsed(path)
    return {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}


def parsed(path: Path) -> ast.Module:
    """Parse a file of source code.

    Raises:
        CallFault: it cannot be read, or is no Python.
    """
    try:
        return ast.parse(read_bytes(path, MOST_BYTES))
    except OSError as error:
        raise CallFault(("call",), f"{path} cannot be read: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        message = f"{path}{f':{line}' if line else ''} is no Python: {getattr(error, 'msg', error)}"
        raise CallFault(("call",), message) from error


def misfits(called: Called, kind: Kind, parameters: Collection[str]) -> Iterator[CallFault]:
    """Yield why a function cannot be called as a part of a kind, with parameters of these names."""
    takes = _Takes.of(called.function)
    name, count = called.function.name, len(kind.arguments)
    if len(takes.by_position) < count and not takes.any_by_position:
        given = ", ".join(kind.arguments)
        has = ", ".join(takes.by_position) or "nothing"
        message = (
            f"{name} takes {has} by position, and is given {given}: see the file {called.path}"
        )
        yield CallFault(("call",), message)
        return
    required, known = takes.after(count)
    for missing in required:
        if missing not in (*parameters, *kind.offered):
            yield CallFault(
                ("parameters",), f"{missing!r} is missing: {name} has no default for it"
            )
    for given in parameters:
        if given not in known and not takes.any_by_name:
            message = f"{name} of {called.path.name} takes no {given!r}"
            yield CallFault(
                ("parameters", given), message, f"parameter of {name}", given, list(known)
            )


@dataclass(frozen=True)
class _Takes:
    """What a function takes: names by position and by name, and those that have a default."""

    by_position: tuple[str, ...]
    only_by_position: int
    by_name: tuple[str, ...]
    defaults: frozenset[str]
    any_by_position: bool
    any_by_name: bool

    @classmethod
    def of(cls, function: ast.FunctionDef) -> _Takes:
        """Read it from the definition."""
        args = function.args
        positional = tuple(each.arg for each in (*args.posonlyargs, *args.args))
        by_name = tuple(each.arg for each in args.kwonlyargs)
        with_default = positional[len(positional) - len(args.defaults) :]
        named = (
            name
            for name, default in zip(by_name, args.kw_defaults, strict=True)
            if default is not None
        )
        return cls(
            positional,
            len(args.posonlyargs),
            by_name,
            frozenset([*with_default, *named]),
            args.vararg is not None,
            args.kwarg is not None,
        )

    def after(self, count: int) -> tuple[list[str], list[str]]:
        """Return the names without a default, and all by which values are given.

        The first `count` are given by position.
        """
        rest = self.by_position[max(count, self.only_by_position) :]
        named = [*rest, *self.by_name]
        unreachable = self.by_position[count : self.only_by_position]
        required = [name for name in (*unreachable, *named) if name not in self.defaults]
        return required, named
