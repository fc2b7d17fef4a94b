"""The collector of a document's faults."""

from harness.spec.faults import Fault, Faults
from harness.spec.problems import MOST_FAULTS


def test_it_starts_with_the_structural_faults_and_keeps_what_is_added() -> None:
    faults = Faults([(("seeds",), "wrong")])
    faults.add("unknown", ("runs", "a"), ("defaults",))
    faults.add_all([(("metric",), "bad")], ("figures", 0))
    assert list(faults) == [
        Fault((("seeds",),), "wrong"),
        Fault((("runs", "a"), ("defaults",)), "unknown"),
        Fault((("figures", 0, "metric"),), "bad"),
    ]
    assert len(faults) == 3
    assert not Faults()


def test_a_structural_fault_damages_its_place_and_what_holds_it() -> None:
    faults = Faults([(("runs", "a", "matrix"), "wrong")])
    faults.add("not structural", ("runs", "b"))
    damaged = [(), ("runs",), ("runs", "a"), ("runs", "a", "matrix")]
    sound = [("runs", "b"), ("runs", "a", "training"), ("defaults",)]
    assert [faults.damaged(place) for place in (*damaged, *sound)] == [True] * 4 + [False] * 3


def test_items_that_are_damaged_are_left_out() -> None:
    faults = Faults([(("figures", 1, "name"), "wrong")])
    document = {"figures": ["a", "b", "c"], "seeds": 5}
    assert list(faults.items(document, "figures")) == [(("figures", 0), "a"), (("figures", 2), "c")]
    assert not list(faults.items(document, "seeds"))
    assert not list(faults.items(document, "expectations"))


def test_of_a_list_that_is_faulty_as_a_whole_nothing_is_known() -> None:
    assert not list(Faults([(("figures",), "too long")]).items({"figures": ["a"]}, "figures"))


def test_once_it_is_full_no_item_is_looked_at() -> None:
    faults = Faults((("runs", str(number)), "wrong") for number in range(MOST_FAULTS - 1))
    found = []
    for place, item in faults.items({"figures": ["a", "b"]}, "figures"):
        found.append(item)
        faults.add("wrong", place)
    assert found == ["a"]
    assert faults.full
