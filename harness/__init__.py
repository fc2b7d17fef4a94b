"""A declarative, spec-driven reproduction harness in Keras.

`import harness` imports nothing else: each function below is imported when it is first used, and
none imports Keras. What they do stands in `harness.interface`, and in docs/python.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.interface import Outcome, check, load, plan_runs, results, run, validate

__all__ = ["Outcome", "check", "load", "plan_runs", "results", "run", "validate"]


def __dir__() -> list[str]:
    """Return the names that completion offers: the parts of the interface, and what is imported."""
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # type checkers know the names from above, and refuse all others

    def __getattr__(name: str) -> object:
        """Import a part of the interface when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from harness import interface

        return getattr(interface, name)
