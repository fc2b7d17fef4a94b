"""The files of a site on disk: only those that an earlier site listed are replaced or removed."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from harness.system import files
from harness.system.json_value import WrongForm, parse
from harness.system.ownership import Kind, OverwriteError, is_folder, kind_of

FORMAT = "reproduction-harness site 1"
LIST = "site.json"
"""The file that lists all others."""

_ADVICE = "choose another folder with --out, or move it away"
_MAY_BE_THERE = (".git", ".nojekyll", "CNAME")
"""What a folder to be published may hold before its first site."""


def refuse_foreign(folder: Path) -> None:
    """Check that a site may be written to a folder: it is empty, or has an earlier site.

    Raises:
        OverwriteError: it is somebody's.
        OSError: it cannot be read.
    """
    if not os.path.lexists(folder):
        return
    if not is_folder(folder):
        raise OverwriteError(f"{folder} is no folder, and the site would lie in one: {_ADVICE}")
    if _listed(folder) is None:
        there = sorted({each.name for each in folder.iterdir()} - {*_MAY_BE_THERE})
        if there:
            raise OverwriteError(
                f"{folder} is not empty and has no earlier site ({there[0]} is there): {_ADVICE}"
            )


def write_site(folder: Path, pages: Mapping[str, bytes]) -> None:
    """Write the files of a site, by their place in its folder, and remove those of an earlier one.

    What has the same bytes already is left alone.

    Raises:
        OverwriteError: a file that no earlier site wrote is in the way; nothing is changed.
        OSError: a file cannot be written.
    """
    refuse_foreign(folder)
    before = _listed(folder) or frozenset()
    for place in pages:
        _refuse_in_the_way(folder, place, before)
    folder.mkdir(parents=True, exist_ok=True)
    # The list is written before the files, so that one which a kill leaves behind is listed.
    files.replace(folder / LIST, lambda path: _write(path, _list(before | pages.keys())))
    for place, content in pages.items():
        _replace(folder / place, content)
    for place in sorted(before - pages.keys()):
        (folder / place).unlink(missing_ok=True)
        for holder in PurePosixPath(place).parents[:-1]:
            with contextlib.suppress(OSError):
                (folder / holder).rmdir()  # which only takes what is empty
    files.replace(folder / LIST, lambda path: _write(path, _list(pages.keys())))


def _list(places: Iterable[str]) -> bytes:
    return (json.dumps({"format": FORMAT, "files": sorted(places)}, indent=1) + "\n").encode()


def _listed(folder: Path) -> frozenset[str] | None:
    """Return the places of the files of an earlier site, None where there is none.

    Raises:
        OverwriteError: its list is damaged, or of another version.
    """
    path = folder / LIST
    try:
        content = files.read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if kind_of(content) is not Kind.SITE:
        return None
    try:
        document = parse(content)
        if document.member("format").value != FORMAT:
            raise document.member("format").wrong(repr(FORMAT))
        places = [each.text() for each in document.member("files").items()]
    except WrongForm as error:
        raise OverwriteError(f"{path} cannot be read ({error}): {_ADVICE}") from error
    return frozenset(place for place in places if _is_inside(folder, place))


def _is_inside(folder: Path, place: str) -> bool:
    """Tell whether a place is one in the folder, so that a damaged list leads to no other."""
    path = PurePosixPath(place)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        return False
    return not any((folder / holder).is_symlink() for holder in path.parents[:-1])


def _refuse_in_the_way(folder: Path, place: str, before: frozenset[str]) -> None:
    path = folder / place
    for holder in reversed(PurePosixPath(place).parents[:-1]):
        above = folder / holder
        if os.path.lexists(above) and (above.is_symlink() or not above.is_dir()):
            raise OverwriteError(f"{above} is no folder, and pages would lie in it: {_ADVICE}")
    if os.path.lexists(path) and (place not in before or is_folder(path)):
        raise OverwriteError(
            f"{path} was not written by an earlier site, and a file of this one would replace it:"
            f" {_ADVICE}"
        )


def _replace(path: Path, content: bytes) -> None:
    """Replace a file in one step. It can be made again, so it need not be on the disk by then."""
    with contextlib.suppress(OSError):
        if not path.is_symlink() and path.read_bytes() == content:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = files.temporary_path(path)
    try:
        _write(temporary, content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
