"""The order of the tests, which names modules by hand."""

from __future__ import annotations

from pathlib import Path

from tests import conftest


def test_every_module_that_the_order_names_is_there() -> None:
    folder = Path(__file__).parent
    named = [*conftest.LONGEST, *conftest.TOGETHER]
    assert [name for name in named if not (folder / name).is_file()] == []
