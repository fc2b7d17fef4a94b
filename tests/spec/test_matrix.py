import functools

import pytest

from harness.experiment import Json
from harness.spec.matrix import Cell, MatrixError, axis_number, cells
from harness.spec.patch import merge_patch


def labels(matrix: Json) -> list[str]:
    return [cell.label for cell in cells({"matrix": matrix})]


def test_a_run_without_a_matrix_is_one_cell_of_its_own_name() -> None:
    for run in ({}, {"matrix": None}):
        (cell,) = cells(run)
        assert cell == Cell({}, (), ())
        assert cell.name("plain") == "plain"


def test_the_last_axis_runs_fastest() -> None:
    matrix = {"regularizers": [[], ["l2"]], "training.epochs": [1, 2]}
    found = list(cells({"matrix": matrix}))
    assert [cell.name("r") for cell in found] == ["r[none,1]", "r[none,2]", "r[l2,1]", "r[l2,2]"]
    assert found[2].patches == ({"regularizers": ["l2"]}, {"training": {"epochs": 1}})
    assert found[2].origins == (
        (("matrix", "regularizers", 1), ("regularizers",), ("matrix", "regularizers")),
        (("matrix", "training.epochs", 0), ("training", "epochs"), ("matrix", "training.epochs")),
    )


def test_labelled_changes_act_on_the_whole_run() -> None:
    small, large = cells(
        {"matrix": {"size": {"small": {"model": {"hidden": [8]}}, "large": {"seed": 1}}}}
    )
    assert (small.label, large.label) == ("small", "large")
    assert small.patches == ({"model": {"hidden": [8]}},)
    assert small.origins == ((("matrix", "size", "small"), (), ("matrix", "size")),)


def test_the_later_axis_wins_and_a_null_still_takes_away() -> None:
    (cell,) = cells({"matrix": {"x": {"p": {"a": 1, "b": 1}}, "y": {"q": {"a": 2, "b": None}}}})
    assert functools.reduce(merge_patch, cell.patches, {"b": 0, "c": 0}) == {"a": 2, "c": 0}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5, -1e-05], ["1", "2.5", "-1e-05"]),
        ([True, False, None], ["true", "false", "null"]),
        (["mean", "sum"], ["mean", "sum"]),
        ([[], ["l2"], ["l2", "momentum"]], ["none", "l2", "l2+momentum"]),
    ],
)
def test_values_are_their_own_labels(values: Json, expected: list[str]) -> None:
    assert labels({"path": values}) == expected


def test_an_axis_or_a_label_that_is_null_is_not_there() -> None:
    assert labels({"x": None, "y": {"p": None, "q": {}}}) == ["q"]


@pytest.mark.parametrize(
    ("matrix", "pointer", "message"),
    [
        (
            {"x": [1, {"a": 1}]},
            ("matrix", "x", 1),
            "needs a label: write the axis as {label: change}",
        ),
        ({"x": [[1, 2]]}, ("matrix", "x", 0), "an object or a list of numbers needs a label"),
        (
            {"x": ["a b"]},
            ("matrix", "x", 0),
            "'a b' cannot be a label: letters, digits and _ . + = - only",
        ),
        ({"x": ["a]"]}, ("matrix", "x", 0), "'a]' cannot be a label"),
        ({"x": [""]}, ("matrix", "x", 0), "'' cannot be a label"),
        ({"x": ["a\n"]}, ("matrix", "x", 0), "cannot be a label"),
        ({"x": [1, 2, 1]}, ("matrix", "x"), "two values of this axis have the same label"),
        ({"x": [1, "1"]}, ("matrix", "x"), "two values of this axis have the same label"),
        ({"x": [[], ["none"]]}, ("matrix", "x"), "two values of this axis have the same label"),
        (
            {"a" + ".a" * 100: [1]},
            ("matrix", "a" + ".a" * 100),
            "its path has 101 names, 100 is the most",
        ),
        (
            {"x": ["a" * 99], "y": ["b" * 100]},
            ("matrix",),
            "the labels of a cell have more than 200 characters",
        ),
    ],
)
def test_an_axis_whose_values_cannot_be_named_is_refused(
    matrix: Json, pointer: tuple[str, ...], message: str
) -> None:
    with pytest.raises(MatrixError) as caught:
        list(cells({"matrix": matrix}))
    assert caught.value.pointer == pointer
    assert message in caught.value.message


def test_a_matrix_of_too_many_cells_is_refused_before_it_is_expanded() -> None:
    run = {"matrix": {f"axis{index}": list(range(100)) for index in range(9)}}
    with pytest.raises(MatrixError, match="more than 10,000 cells"):
        list(cells(run))


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("0", 0.0),
        ("0.1", 0.1),
        ("-2", -2.0),
        ("1e-3", 0.001),
        *((text, None) for text in ("none", "null", "true", "nan", "inf", "1e999", "2+3", "")),
    ],
)
def test_a_label_is_a_number_or_none(label: str, number: float | None) -> None:
    assert axis_number(label) == number


def test_a_cell_has_a_label_on_each_axis() -> None:
    run: Json = {"matrix": {"p": {"0.1": {}, "1": {}}, "gone": None, "training.epochs": [5]}}
    assert [cell.labels for cell in cells(run)] == [
        {"p": "0.1", "training.epochs": "5"},
        {"p": "1", "training.epochs": "5"},
    ]
    assert [cell.labels for cell in cells({})] == [{}]
