"""Where data and archives lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def at_home(path: str) -> Path:
    """Return a path with its `~` replaced by the home folder, and as it is where there is none."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - that of pathlib raises for no such user


def data_dir() -> Path:
    """Return the folder of prepared data: TFDS_DATA_DIR, else TFDS's default below the home.

    Where there is no home, as in some containers, it is next to the store.
    """
    folder = at_home(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    return Path(".harness/tensorflow_datasets") if folder.parts[:1] == ("~",) else folder


def archive_folders() -> tuple[Path, ...]:
    """Return where archives are looked for: HARNESS_ARCHIVES, else a folder `shared/data`."""
    folders = os.environ.get("HARNESS_ARCHIVES")
    if folders is not None:
        return tuple(at_home(folder) for folder in folders.split(os.pathsep) if folder)
    return (Path("../shared/data"), Path("../../shared/data"))
