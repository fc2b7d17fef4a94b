"""Modules of a person's own, which a test forgets when it ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def forgotten(folder: Path) -> Iterator[None]:
    """Forget afterwards what was imported from a folder meanwhile, and where Python looked.

    Other modules stay: TFDS takes the name of a builder once alone, and TensorFlow cannot be
    imported twice.
    """
    paths = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = paths
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and Path(file).is_relative_to(folder):
                del sys.modules[name]
