"""The files of a function that a specification calls, and the digest of them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness.experiment import OwnPart
from harness.own.calls import Called, find, parsed
from harness.system import files
from harness.system.source_code import digest, imported


def digest_of(called: Called, folder: Path | None, data: tuple[str, ...] = ()) -> str:
    """Return the SHA-256, in hex, of a function's code, and of the files that it reads.

    The code is the function's module, the packages that it lies in, and all that these import by a
    statement, directly or through others: of the same folder where the module lies in `folder`,
    else of the same package. Where the files lie plays no part.

    Raises:
        CallFault: a module cannot be read.
        OSError: another file cannot be read.
    """
    found = hashlib.sha256()
    for name, each in sorted(_modules(called, folder).items()):
        found.update(f"{name} {each}\n".encode())
    for path in data:
        found.update(f"{files.sha256(Path(path))}\n".encode())
    return found.hexdigest()


def identified(call: str, folder: Path | None, data: tuple[str, ...] = ()) -> OwnPart:
    """Find a function that is called, and what identifies it.

    Args:
        call: The function, as "module:function".
        folder: Where its module is looked for first; None: only where Python looks.
        data: The files that it reads.

    Raises:
        CallFault: there is no such function.
        OSError: one of the files cannot be read.
    """
    called = find(call, folder)
    digest = digest_of(called, folder, data)
    place = "" if folder is None else str(folder)
    return OwnPart(call, place, digest, distribution(called, folder), data)


def folder_of(part: OwnPart) -> Path | None:
    """Return the folder that the module of a function is looked for in first."""
    return Path(part.place) if part.place else None


def distribution(called: Called, folder: Path | None) -> str | None:
    """Return the name and version of the installed package that a module is of, or None."""
    if called.root == folder:
        return None
    names = metadata.packages_distributions().get(called.module.partition(".")[0])
    return f"{names[0]} {metadata.version(names[0])}" if names else None


@dataclass(frozen=True)
class _Within:
    """Which modules count: those below `root`, of one package where `package` names one."""

    root: Path
    package: str | None

    def file(self, name: str) -> Path | None:
        """Return the file of a module, None where it is none of these."""
        first = name.partition(".")[0]
        if not first or self.package not in (None, first):
            return None
        base = self.root.joinpath(*name.split("."))
        candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
        return next((path for path in candidates if path.is_file()), None)


def _modules(called: Called, folder: Path | None) -> dict[str, str]:
    """Return the digest of every module that counts, by its name."""
    beside = called.root == folder
    within = _Within(called.root, None if beside else called.module.partition(".")[0])
    found: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [called.module]
    while waiting:
        name = waiting.pop()
        path = within.file(name)
        if path is not None and name not in seen:
            tree = parsed(path)
            found[name] = digest(tree)
            package = name if path.stem == "__init__" else name.rpartition(".")[0]
            waiting += _absolute(imported(tree), package)
            waiting += _packages(name)
        seen.add(name)
    return found


def _packages(name: str) -> Iterator[str]:
    """Yield the packages that a module lies in: importing it runs them too."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _absolute(names: list[str], package: str) -> Iterator[str]:
    """Yield the full names of what a module of a package imports."""
    for name in names:
        level = len(name) - len(name.lstrip("."))
        if level == 0:
            yield name
        elif package:
            start = package.split(".")[: len(package.split(".")) - level + 1]
            yield ".".join([*start, name[level:]])
