"""The files and folders that settings name: where their paths start, and the digests of files."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.experiment import Json
from harness.spec.document import Pointer
from harness.spec.find import expanded
from harness.system.files import sha256

Origin = Callable[[Sequence[Pointer], Json], Path]
"""Gives the folder of the file that says a setting, by the places where it may stand."""


class NoPath(ValueError):
    """What stands for a path can be none; the message says why."""


class Paths:
    """Resolves the paths of one specification, and reads each file once for its digest."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._digests: dict[Path, str] = {}

    def resolved(self, places: Sequence[Pointer], value: str) -> Path:
        """Return the path that a setting means.

        Raises:
            NoPath: it can be none.
        """
        try:
            path = self._origin(places, value) / expanded(value)
            path.lstat()
        except RuntimeError as error:
            user = value.partition("/")[0]
            raise NoPath(
                f"there is no home folder {user!r}; a folder of that name is './{user}'"
            ) from error
        except ValueError as error:
            raise NoPath(f"this can be no path: {error}") from error
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise NoPath("this can be no path: it is too long") from error
        # A path that begins with a sign for a home folder is not taken for one again.
        return path.absolute() if str(path).startswith("~") else path

    def folder(self, places: Sequence[Pointer], value: Json) -> Path:
        """Return the folder of the file that says a setting."""
        return self._origin(places, value).absolute()

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a regular file; nothing where there is none that can be read."""
        if path not in self._digests:
            try:
                self._digests[path] = sha256(path)
            except (OSError, ValueError):
                self._digests[path] = ""
        return self._digests[path]
