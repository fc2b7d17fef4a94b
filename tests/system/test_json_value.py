import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment import Json
from harness.system.json_value import Value, WrongForm, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


class TestParse:
    @given(JSON)
    def test_gives_back_what_was_written(self, value: Json) -> None:
        assert parse(json.dumps(value).encode()).value == value
        assert parse(json.dumps(value, ensure_ascii=False).encode()).value == value

    @pytest.mark.parametrize(
        "content",
        [
            *(
                b"",
                b"{",
                b"[1",
                b"NaN",
                b"[Infinity]",
                b"-Infinity",
                b"1e999",
                b"\xff",
                b"\x00",
                b"[" * 100_000,
            ),
            *(b'"\\ud800"', b'{"\\uDC00": 1}', b"9" * 5000, b"\xef\xbb\xbf{}", b"{} {}"),
        ],
    )
    def test_refuses_what_is_no_strict_json(self, content: bytes) -> None:
        with pytest.raises(WrongForm, match="it is no JSON: "):
            parse(content)

    def test_a_whole_surrogate_pair_is_text(self) -> None:
        assert parse(rb'"\ud83d\ude00"').text() == "\U0001f600"


class TestValue:
    def test_takes_an_object_apart(self) -> None:
        value = parse(b'{"a": {"b": [1, 2.5, true, "x", null]}}')
        one, half, yes, text, nothing = value.member("a").member("b").items()
        assert (
            one.integer(),
            half.number(),
            yes.flag(),
            text.text(),
            nothing.number_or_none(),
        ) == (
            1,
            2.5,
            True,
            "x",
            None,
        )
        assert (text.text_or_none(), nothing.text_or_none(), one.number_or_none()) == ("x", None, 1)
        assert [(name, each.place) for name, each in value.members()] == [("a", "a")]
        assert half.place == "a.b.1"
        assert value.member_or("c", 7).integer() == 7
        assert value.object() == {"a": {"b": [1, 2.5, True, "x", None]}}

    def test_an_integer_stays_one(self) -> None:
        assert type(Value(3).number()) is int
        assert type(Value(3.0).number()) is float

    @pytest.mark.parametrize(
        "method", ["integer", "number", "text", "flag", "object", "number_or_none"]
    )
    def test_another_type_is_told_with_its_place(self, method: str) -> None:
        with pytest.raises(WrongForm, match=r"^at a\.b expected .*, found \[1\]$"):
            getattr(Value([1], "a.b"), method)()

    @pytest.mark.parametrize(
        "value", [True, "1", None, float("nan"), float("inf"), 10**400, -(10**400), [], {}]
    )
    def test_what_is_no_finite_number_is_none(self, value: Json) -> None:
        with pytest.raises(WrongForm, match=r"^at the top expected a number, found "):
            Value(value).number()

    @pytest.mark.parametrize("value", [True, 1.0, "1", 10**400])
    def test_what_is_no_integer_is_none(self, value: Json) -> None:
        with pytest.raises(WrongForm, match=r"expected an? (integer|number)"):
            Value(value).integer()

    def test_a_missing_member_is_told(self) -> None:
        with pytest.raises(WrongForm, match=r"^a\.b is missing$"):
            Value({}, "a").member("b")

    def test_a_long_value_is_shortened(self) -> None:
        with pytest.raises(WrongForm, match=r'found "x{39}\.\.\.$'):
            Value("x" * 999).number()
