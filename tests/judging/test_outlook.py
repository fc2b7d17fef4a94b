"""How many more seeds a decision is likely to take."""

from __future__ import annotations

from harness.judging.outlook import outlook
from tests.judging.test_sequential import PLAN, expect


class TestOutlook:
    """What deciding is likely to cost."""

    def test_what_is_far_from_the_bound_is_decided_soon(self) -> None:
        found = outlook(expect(), PLAN, [5.0, 6.0, 7.0])
        assert found.likely == 6
        assert list(found.chances) == [6, 9, 12, 15, 18, 20]

    def test_what_is_on_the_bound_is_decided_in_one_case_of_ten(self) -> None:
        found = outlook(expect(), PLAN, [-1.0, 0.0, 1.0])
        assert found.likely is None
        assert 0.05 < found.chances[20] < 0.2

    def test_it_is_the_same_every_time(self) -> None:
        assert outlook(expect(), PLAN, [1.0, 2.0, 0.5]) == outlook(expect(), PLAN, [1.0, 2.0, 0.5])
