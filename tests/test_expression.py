import math
import re
import sys
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.expression import (
    ExpressionError,
    Reference,
    evaluate,
    evaluate_ranges,
    in_cell,
    linear,
    parse,
    references,
)

A, B = Reference("a", "x"), Reference("b[p+q,r]", "y")
C, STEPS = Reference("b", "x"), Reference("c", "steps")


def value(text: str, a: float = 0.0, b: float = 0.0) -> float:
    return evaluate(parse(text), {A: a, B: b}).number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 4 - 2", 1),
        ("24 / 4 / 2", 3),
        ("24 / (4 / 2)", 12),
        ("2 - -3", 5),
        ("-2 * 3", -6),
        ("-(2 + 3)", -5),
        ("--2", 2),
        ("---2", -2),
        ("2*-3", -6),
        ("1.5e1", 15),
        ("25E-2", 0.25),
        (" 1\n+\t1 ", 2),
    ],
)
def test_the_usual_rules_of_arithmetic_hold(text: str, expected: float) -> None:
    assert value(text) == expected


def test_runs_and_cells_have_metrics() -> None:
    assert value("a.x - b[p+q,r].y / 2", a=5, b=4) == 3


NUMBERS = st.integers(0, 99).map(str) | st.floats(0, 1e6, allow_subnormal=False).map(repr)
TREES = st.recursive(
    NUMBERS | st.just("a.x"),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*/"), inner, st.booleans()).map(
            lambda part: (
                f"({part[0]} {part[1]} {part[2]})" if part[3] else f"{part[0]} {part[1]} {part[2]}"
            )
        )
        | inner.map(lambda part: f"-({part})")
    ),
    max_leaves=12,
)


def exactly(text: str, number: str, a: float) -> Fraction:
    """What Python computes of a text, each constant in it and `a` turned into a fraction by
    `number`.
    """
    constant = re.sub(r"(?<![\w.])(\d[\d.]*(?:e[+-]?\d+)?)", rf"{number}('\1')", text)
    # The text is made above, of numbers, operators and parentheses alone.
    found = eval(
        constant.replace("a.x", f"{number}('{a!r}')"),
        {"Stored": lambda text: Fraction(float(text)), "Written": Fraction},
    )
    return Fraction(found)


class TestEvaluate:
    """The number that is nearest to what an expression comes to, and how far away that may be."""

    @given(TREES, st.floats(-100, 100))
    def test_python_computes_the_same_of_fractions(self, text: str, a: float) -> None:
        found = evaluate(parse(text), {A: a})
        try:
            expected = exactly(text, "Stored", a)
        except ZeroDivisionError:
            assert math.isnan(found.number)
            return
        if math.isfinite(found.number):
            assert abs(Fraction(found.number) - expected) <= Fraction(math.ulp(found.number)) / 2
        elif math.isinf(found.number):
            assert abs(expected) > Fraction(sys.float_info.max)

    @given(TREES, st.floats(-100, 100))
    def test_what_is_written_comes_to_no_more_than_the_rounding_away(
        self, text: str, a: float
    ) -> None:
        found = evaluate(parse(text), {A: a})
        if math.isfinite(found.number):
            assert abs(Fraction(found.number) - exactly(text, "Written", a)) <= found.rounding

    def test_the_rounding_is_small_beside_the_numbers_that_take_part(self) -> None:
        found = evaluate(parse("a.x - b[p+q,r].y"), {A: 0.09, B: 0.08})
        assert found.number < 0.01
        assert Fraction(1, 100) - Fraction(found.number) <= found.rounding < 2e-17
        assert evaluate(parse("a.x"), {A: 5e-13}).rounding < 1e-28
        assert evaluate(parse("2 * 3"), {}).rounding == 0

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a.x * 10 / 10", 1.5e308),
            ("a.x + a.x - a.x", 1.5e308),
            ("(a.x + b[p+q,r].y) / 2", 1.4e308),
            ("1 / (1 / a.x / 1000) / 1000", 1.5e308),
            ("a.x * 10", math.inf),
            ("-a.x * 10", -math.inf),
            ("1e-300 * 1e-300 * 1e300 * 1e300", 1.0),
        ],
    )
    def test_nothing_overflows_or_vanishes_on_the_way(self, text: str, expected: float) -> None:
        assert value(text, a=1.5e308, b=1.3e308) == pytest.approx(expected)

    @pytest.mark.parametrize(
        "text", ["1 / 0", "1 / (a.x - a.x)", "a.x / (0.3 - a.x - b[p+q,r].y)", "0 / (0 * a.x)"]
    )
    def test_a_division_by_zero_has_no_value_nor_has_one_by_what_is_zero_but_for_rounding(
        self, text: str
    ) -> None:
        assert math.isnan(value(text, a=0.1, b=0.2))

    @pytest.mark.parametrize("symbol", "+-*/")
    def test_the_longest_expressions_are_computed_at_once(self, symbol: str) -> None:
        expression = parse(symbol.join(["(a.x/b.x)"] * 100))  # 999 characters
        begun = time.process_time()
        evaluate(expression, {A: 0.1234567, C: 987.654321})
        assert time.process_time() - begun < 0.5


def test_references_come_once_in_order_of_appearance() -> None:
    assert references(parse("b[p+q,r].y - a.x * b[p+q,r].y + a.z")) == (B, A, Reference("a", "z"))
    assert references(parse("1 + 2")) == ()
    assert str(B) == "b[p+q,r].y"


@pytest.mark.parametrize(
    ("text", "character", "found"),
    [
        ("", 1, "it ends too early"),
        ("a.x +", 6, "it ends too early"),
        ("(a.x", 5, "it ends too early"),
        ("a.x ++ 1", 6, "found '+ 1'"),
        ("a.x +\n* 2", 7, "found '* 2'"),
        ("a.x)", 4, "found ')'"),
        ("a.x 5", 5, "found '5'"),
        ("a.x ** 2", 6, "found '* 2'"),
        ("a.x.y", 4, "found '.y'"),
        ("a", 1, "found 'a'"),
        ("A.x", 1, "found 'A.x'"),
        ("a[].x", 1, "found 'a[].x'"),
        ("a[p q].x", 1, "found 'a[p q].x'"),
        ("a.x % 2", 5, "found '% 2'"),
        ("max(a.x)", 1, "found 'max(a.x)'"),
        ("__import__('os').system('false')", 1, "found \"__import__('os')\""),
        ("1; 2", 2, "found '; 2'"),
        (".5", 1, "found '.5'"),
    ],
)
def test_an_error_says_at_which_character_and_what_stands_there(
    text: str, character: int, found: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert f"at character {character}: {found}" in str(caught.value)
    assert "an expression is + - * / and parentheses over numbers and run.metric" in str(
        caught.value
    )


def test_nothing_is_called() -> None:
    sys.modules.pop("antigravity", None)
    for text in (
        "__import__('antigravity')",
        "a.__class__",
        "a.x.__init__",
        "lambda: 1",
        "[1][0]",
        "a.x()",
    ):
        with pytest.raises(ExpressionError):
            parse(text)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-" * 999 + "1", -1),
        ("+".join(["1"] * 500), 500),
        ("(" * 499 + "1" + ")" * 499, 1),
        ("1-(" * 249 + "1" + ")" * 249, 0),
    ],
)
def test_the_longest_expressions_that_are_allowed_have_a_value(text: str, expected: float) -> None:
    assert len(text) <= 1000
    assert value(text) == expected
    assert references(parse(text)) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", {None: 7}),
        ("a.x", {None: 0, A: 1}),
        ("a.x / 2 - c.steps * b.x", {None: 0, A: 0.5, C: -4}),
        ("a.x * (c.steps + 1) + c.steps", {None: 4, A: 5}),
        ("-(1 - (a.x - 3 * b.x))", {None: -1, A: 1, C: -3}),
        ("a.x - a.x", {None: 0, A: 0}),
        ("a.x * b.x", None),
        ("1 / a.x", None),
        ("1 + 2 * (a.x / b.x)", None),
    ],
)
def test_a_sum_is_told_by_its_factors(text: str, expected: object) -> None:
    assert linear(parse(text), {STEPS: 4}) == expected


def test_a_factor_that_is_divided_by_zero_is_not_a_number() -> None:
    found = linear(parse("a.x / (c.steps - 4)"), {STEPS: 4})
    assert found is not None
    assert math.isnan(found[A])


class TestEvaluateRanges:
    """Interval arithmetic over numbers that may have no end."""

    @pytest.mark.parametrize(
        ("text", "low", "high"),
        [
            ("a.steps", 100, math.inf),
            ("-a.steps", -math.inf, -100),
            ("a.steps - b.steps", 50, math.inf),
            ("b.steps - a.steps", -math.inf, -50),
            ("b.steps / a.steps", 0, 0.5),
            ("a.steps / b.steps", 2, math.inf),
            ("a.steps * a.steps", 10_000, math.inf),
            ("0 * a.steps", 0, 0),
            ("a.steps - a.steps", -math.inf, math.inf),
            ("1 / (a.steps - 200)", -math.inf, math.inf),
            ("(b.steps - a.steps) * (b.steps - a.steps)", 2500, math.inf),
            ("b.steps * 1e308", math.inf, math.inf),
        ],
    )
    def test_ends_worked_out_by_hand(self, text: str, low: float, high: float) -> None:
        a, b = Reference("a", "steps"), Reference("b", "steps")
        found = evaluate_ranges(parse(text), {a: (100, math.inf), b: (50, 50)})
        assert (found.low, found.high) == (low, high)

    @given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(0, 1), st.floats(-1e6, 1e6))
    def test_every_value_of_a_range_gives_one_within_the_ends(
        self, low: float, width: float, place: float, other: float
    ) -> None:
        a, b = Reference("a", "steps"), Reference("b", "steps")
        between = min(low + place * width, low + width)
        for text in (
            "a.steps + b.steps",
            "2 * a.steps - b.steps",
            "a.steps * b.steps",
            "b.steps / a.steps",
        ):
            found = evaluate_ranges(parse(text), {a: (low, low + width), b: (other, other)})
            value = evaluate(parse(text), {a: between, b: other})
            if math.isfinite(value.number):
                apart = found.rounding + value.rounding
                assert found.low - apart <= value.number <= found.high + apart

    def test_what_is_stored_otherwise_than_written_is_allowed_for(self) -> None:
        a, b = Reference("a", "test_accuracy"), Reference("b", "steps")
        found = evaluate_ranges(
            parse("a.test_accuracy - 0.08 + 0 * b.steps"), {a: (0.09, 0.09), b: (1, math.inf)}
        )
        assert found.low < 0.01 <= Fraction(found.low) + found.rounding
        assert found.rounding < 1e-16


def test_a_reference_knows_its_run_and_whether_it_means_every_cell() -> None:
    starred = Reference("b[*]", "y")
    assert [(each.base, each.means_each_cell) for each in (A, B, starred)] == [
        ("a", False),
        ("b", False),
        ("b", True),
    ]


def test_a_label_takes_the_place_of_every_wildcard() -> None:
    assert in_cell("a[*].x - b[*].x * c.y", "p,q") == "a[p,q].x - b[p,q].x * c.y"
    assert in_cell("a[p].x", "q") == "a[p].x"
