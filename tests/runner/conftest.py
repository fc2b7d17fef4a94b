"""The folder of a person, which stands in `tests.support.person`, under its older name."""

from tests.support.person import Person, another, person, person_in

__all__ = ["Person", "another", "person", "person_in"]
