"""How the files of a store are written: JSON, CSV, plain text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.experiment import Json
from harness.system.files import Writer


def json_file(value: Json | Mapping[str, Json]) -> Writer:
    """Return what writes a file of strict JSON.

    Raises:
        ValueError: a number is not finite.
    """
    return _text_file(json.dumps(value, indent=2, allow_nan=False) + "\n")


def csv_file(rows: Sequence[Mapping[str, float]]) -> Writer:
    """Return what writes a table, with the names of the first row above."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return _text_file(buffer.getvalue())


def _text_file(text: str) -> Writer:
    def write(path: Path) -> None:
        path.write_text(text)

    return write
