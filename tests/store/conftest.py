"""These tests work in the same folder of a person as those of the runner."""

from tests.runner.conftest import person

__all__ = ["person"]
