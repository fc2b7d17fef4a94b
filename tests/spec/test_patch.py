"""Against the examples that RFC 7396 itself prints."""

import copy

import pytest

from harness.experiment import Json
from harness.spec.patch import (
    assignments,
    compose,
    merge_patch,
    nest,
    parse_assignment,
    without_nulls,
)

# RFC 7396, appendix A: original, patch, result.
APPENDIX_A: list[tuple[Json, Json, Json]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("original", "patch", "result"), APPENDIX_A)
def test_the_examples_of_rfc_7396(original: Json, patch: Json, result: Json) -> None:
    before = copy.deepcopy((original, patch))
    assert merge_patch(original, patch) == result
    assert (original, patch) == before


def test_nulls_go_from_objects_and_stay_in_arrays() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": [None, {"e": None}]}}) == {
        "b": {"d": [None, {"e": None}]}
    }


def test_nesting_puts_the_first_name_outside() -> None:
    assert nest(["a", "b", "c"], [1]) == {"a": {"b": {"c": [1]}}}
    assert nest([], 5) == 5


@pytest.mark.parametrize(
    ("text", "patch"),
    [
        ("a.b=3", {"a": {"b": 3}}),
        ("a=0.5", {"a": 0.5}),
        ("a=true", {"a": True}),
        ("a=null", {"a": None}),
        ('a=["l2"]', {"a": ["l2"]}),
        ('a={"b": [1]}', {"a": {"b": [1]}}),
        ("a=sgd", {"a": "sgd"}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ('a="3"', {"a": "3"}),
        # What a file may not hold, an assignment may not either: it is a text, which the schema
        # then refuses.
        ("a=NaN", {"a": "NaN"}),
        ("a=-Infinity", {"a": "-Infinity"}),
        ("a=1e999", {"a": "1e999"}),
        ('a={"b":1,"b":2}', {"a": '{"b":1,"b":2}'}),
    ],
)
def test_an_assignment_is_a_patch(text: str, patch: Json) -> None:
    assert parse_assignment(text) == patch


def test_a_path_of_very_many_names_is_refused() -> None:
    assert parse_assignment("a" + ".a" * 99 + "=1")
    with pytest.raises(ValueError, match="the path has 101 names, 100 is the most"):
        parse_assignment("a" + ".a" * 100 + "=1")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="expected UTF-8, found"):
        parse_assignment("a=\udcff")


@pytest.mark.parametrize("text", ["", "a", "=3", "a..b=3", ".a=3", "a.=3"])
def test_what_is_no_assignment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"expected PATH=VALUE, such as defaults\.training\.epochs=3, found"
    ):
        parse_assignment(text)


@pytest.mark.parametrize(
    "target", [{}, {"a": 1}, {"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"x": {"deep": 1}}, "c": [1]}]
)
@pytest.mark.parametrize(
    "first", [{}, {"a": {"x": None}}, {"a": {"x": 5, "z": 6}}, {"b": None, "c": 2}]
)
@pytest.mark.parametrize(
    "second", [{}, {"a": None}, {"a": {"y": None}}, {"a": {"x": 7}}, {"b": 1}, {"c": None}]
)
def test_a_composed_patch_does_what_its_parts_do_one_after_the_other(
    target: Json, first: Json, second: Json
) -> None:
    assert merge_patch(target, compose(first, second)) == merge_patch(
        merge_patch(target, first), second
    )


def test_a_member_that_is_set_after_it_was_taken_away_lets_what_lies_below_through() -> None:
    assert compose({"a": None}, {"a": {"x": 7}}) == {"a": {"x": 7}}


class TestAssignments:
    """A patch as the options that make it."""

    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("defaults.training.epochs=3", ["defaults.training.epochs=3"]),
            ("runs.m=null", ["runs.m=null"]),
            ("defaults.model.name=vgg", ["defaults.model.name=vgg"]),
            ('title="3"', ['title="3"']),
            ('title="a b"', ["title=a b"]),
            ("seeds=[0, 1]", ["seeds=[0,1]"]),
            (
                'defaults.model={"name": "vgg", "width": 8}',
                ["defaults.model.name=vgg", "defaults.model.width=8"],
            ),
            ("runs.one={}", ["runs.one={}"]),
            (
                'runs.m.matrix={"training.epochs": [1, 2]}',
                ['runs.m.matrix={"training.epochs":[1,2]}'],
            ),
            ("title=", ["title="]),
            ("title=a=b", ["title=a=b"]),
        ],
    )
    def test_what_was_given_comes_back_and_means_the_same(
        self, text: str, written: list[str]
    ) -> None:
        patch = parse_assignment(text)
        assert assignments(patch) == written
        again: Json = {}
        for each in written:
            again = compose(again, parse_assignment(each))
        assert again == patch
