import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment import Json
from harness.spec import document
from harness.spec.document import (
    Document,
    Pointer,
    SyntaxProblem,
    format_pointer,
    parse,
    positions,
    read,
)

HERE = Path("here.json")


def test_pointers_are_written_as_rfc_6901_does() -> None:
    assert format_pointer(()) == ""
    assert format_pointer(("a/b", 0, "m~n", "", " ")) == "/a~1b/0/m~0n// "


def test_every_value_has_its_line_and_column() -> None:
    text = '{\n  "a": [10, {"b": true}],\n\t"ü€😀": "é",  "x": {}\n}\n'
    assert positions(text) == {
        (): (1, 1),
        ("a",): (2, 8),
        ("a", 0): (2, 9),
        ("a", 1): (2, 13),
        ("a", 1, "b"): (2, 19),
        ("ü€😀",): (3, 9),
        ("x",): (3, 20),
    }


def test_keys_are_known_by_what_they_mean() -> None:
    text = r'{"\u0061\"b": 1, "c\/d": 2, "\ud83d\ude00": 3}'
    assert positions(text) == {(): (1, 1), ('a"b',): (1, 15), ("c/d",): (1, 26), ("😀",): (1, 45)}


def test_lines_may_end_in_carriage_return_and_newline() -> None:
    assert positions('{\r\n "a":\r\n  1}')["a",] == (3, 3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_the_value_is_found_where_its_position_says(
    value: Json, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    lines = text.split("\n")
    decoder = json.JSONDecoder()
    found: dict[Pointer, Json] = {}
    for pointer, (line, column) in positions(text).items():
        found[pointer] = decoder.raw_decode(
            "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        )[0]
    expected: dict[Pointer, Json] = {}

    def visit(pointer: Pointer, item: Json) -> None:
        expected[pointer] = item
        pairs = (
            item.items()
            if isinstance(item, dict)
            else enumerate(item)
            if isinstance(item, list)
            else ()
        )
        for key, child in pairs:
            visit((*pointer, key), child)

    visit((), value)
    assert found == expected


def test_what_is_not_there_is_where_its_nearest_parent_is() -> None:
    document = parse(HERE, '{"a":\n {"b": 1}}')
    assert document.position(("a", "b")) == (2, 8)
    assert document.position(("a", "z", 3)) == (2, 2)
    assert document.position(("z",)) == (1, 1)
    assert document.holds(("a", "b"))
    assert not document.holds(("a", "z"))


def problem(text: str) -> tuple[int, int, str]:
    with pytest.raises(SyntaxProblem) as caught:
        parse(HERE, text)
    return caught.value.line, caught.value.column, caught.value.message


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "not JSON"),
        ("nonsense", 1, 1, "not JSON"),
        ('{"a": 1,\n "b" 2}', 2, 6, "not JSON: Expecting ':' delimiter"),
        ('{"a": 1,\n}', 2, 1, "not JSON"),
        ("{\n  // a comment\n}", 2, 3, "not JSON"),
        ("{'a': 1}", 1, 2, "not JSON"),
        ('{"a": "two\nlines"}', 1, 11, "not JSON: Invalid control character"),
        ("{} {}", 1, 4, "not JSON: Extra data"),
        # The first "NaN" and 1e999 are texts; what is wrong comes later.
        ('{"a": "NaN",\n "b": [1, NaN]}', 2, 11, "NaN is not a JSON number"),
        ('{"a": "-Infinity", "b": -Infinity}', 1, 25, "-Infinity is not a JSON number"),
        ('{"a": "1e999 1e999",\n "b": 1e999}', 2, 7, "the number 1e999 is too large"),
        (
            '{"a": 9007199254740991, "b":  9007199254740992}',
            1,
            31,
            "the integer 9007199254740992 is too large",
        ),
        ('{"a": ' + "9" * 5000 + "}", 1, 7, "the integer " + "9" * 37 + "... is too large"),
        # The name stands in other objects too; what is wrong is its second time in one.
        ('{"n": 1,\n "o": {"n": 1,\n  "n": 2}}', 3, 3, "the member 'n' stands twice in one object"),
        ('{"a": "n", "n": 1, "\\u006e": 2}', 1, 20, "the member 'n' stands twice in one object"),
        ('{"ü": "ü", "n": 1, "n": 2}', 1, 20, "the member 'n' stands twice in one object"),
        ("[" * 101 + "]" * 101, 1, 1, "nested too deeply"),
        ("[" * 100_000, 1, 1, "nested too deeply"),
        ('{"a": "\\ud800"}', 1, 1, "a \\u escape stands for half of a character"),
    ],
)
def test_what_is_not_strict_json_is_refused_at_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    found = problem(text)
    assert found[:2] == (line, column)
    assert found[2].startswith(message)


def test_numbers_and_nesting_up_to_the_limit_are_read() -> None:
    deep = "[" * 100 + "]" * 100
    assert parse(HERE, deep).value == json.loads(deep)
    assert parse(HERE, "[9007199254740991, -9007199254740991, 1e308]").value == [
        2**53 - 1,
        1 - 2**53,
        1e308,
    ]


def test_a_repeated_name_among_many_is_found_in_one_pass() -> None:
    """Each name is compared as often as a set asks for it, not with every other."""
    compared = 0

    class Name(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return super().__eq__(other)

        __hash__ = str.__hash__

    pairs: list[tuple[str, Json]] = [(Name(f"k{number}"), 1) for number in range(2000)]
    with pytest.raises(document._Repeated, match="'k1999' stands twice"):
        document._distinct([*pairs, (Name("k1999"), 2)])
    assert compared < 4 * len(pairs)


def test_a_long_line_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns of ten thousand values of one line are those that the line's pieces add up to."""
    text = "[" + ", ".join(f'"ü{number:05}"' for number in range(10_000)) + "]"
    found = positions(text)
    # A bracket, then values of eight characters with two between them.
    assert [found[number,] for number in (0, 1, 9999)] == [(1, 2), (1, 12), (1, 2 + 9999 * 10)]


def test_a_document_says_what_stands_in_it() -> None:
    found = parse(HERE, '{"a": [{"b": "x"}], "n": null}')
    assert found.says(("a", 0, "b"), "x")
    assert found.says(("n",), None)
    for pointer in (("a", 1, "b"), ("a", "b"), ("a", 0, "b", "c"), ("z",), ("n", "a")):
        assert not found.says(pointer, "x")
    assert not found.says(("a", 0, "b"), "y")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    document: Document = read(file)
    assert document.value == {"a": 1}
    assert document.position(("a",)) == (1, 7)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes('{"a": "ü"}'.encode("latin-1"))
    with pytest.raises(
        SyntaxProblem, match=r"not UTF-8: invalid (start|continuation) byte at byte 7$"
    ):
        read(file)


def test_a_file_that_is_not_there_is_an_operating_system_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.json")
