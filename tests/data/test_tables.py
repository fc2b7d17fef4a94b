"""CSV files: what is read of them, and what is wrong with them, line by line."""

from pathlib import Path

import pytest

from harness.data.errors import DataError, Unfit
from harness.data.tables import Reading, Table, both, look_at, parse

KIND = Reading("kind")
GOOD = "width,height,kind\n1,2,rose\n-3.5e2, 4 ,iris\n\n"


def read(text: str | bytes, reading: Reading = KIND) -> Table:
    content = text if isinstance(text, bytes) else text.encode()
    return parse(Path("a.csv"), content, reading)


def test_columns_become_numbers_and_the_label_a_text() -> None:
    found = read(GOOD)
    assert (found.columns, found.labels) == (("width", "height"), ("rose", "iris"))
    assert list(found.numbers) == [1, 2, -350, 4]


def test_named_columns_are_taken_in_their_order_and_others_left_alone() -> None:
    found = read("id,a,b,kind,c\nx,1,2,rose,\ny,3,4,iris,?\n", Reading("kind", columns=("b", "a")))
    assert list(found.numbers) == [2, 1, 4, 3]


def test_other_delimiters_quotes_and_a_mark_at_the_beginning_are_read() -> None:
    found = read('\ufeffa;kind\r\n1;"wild; ""red"""\r\n', Reading("kind", delimiter=";"))
    assert (list(found.numbers), found.labels) == ([1], ('wild; "red"',))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,kind\n1,x\n,y\n", "^a.csv:3: a is missing$"),
        ("a,kind\n1,\n", "^a.csv:2: kind is missing$"),
        ("a,kind\n1,x\n \t,y\n", "^a.csv:3: a is missing$"),
        ("a,kind\nlarge,x\n", "^a.csv:2: a is 'large': that is no finite number$"),
        ("a,kind\nnan,x\n", "a.csv:2: a is 'nan'"),
        ("a,kind\n-inf,x\n", "a.csv:2: a is '-inf'"),
        ("a,kind\n1e39,x\n", "a.csv:2: a is '1e39'"),
        ("a,kind\n1_000,x\n", "a.csv:2: a is '1_000'"),
        ("a,kind\n1,x,2\n", "^a.csv:2: this row has 3 cells, the first line 2$"),
        ('a,kind\n1,"x\ny"\n', "a.csv:3: kind has more than one line"),
        ('a,kind\n1,x\n2,"y\n', r"a.csv:3: this is no CSV \(unexpected end of data\)"),
        ("a,kind\n", "^a.csv has no row$"),
        ("", "^a.csv has no column kind; it has none$"),
        ("a,b\n1,2\n", "^a.csv has no column kind; it has a, b$"),
        ("a,a,kind\n1,2,x\n", "^a.csv:1: two columns are called 'a'"),
        (",a,kind\n0,1,x\n", "^a.csv:1: column 1 has no name: name it, remove it, or list the"),
        ("kind\nx\n", "^a.csv:1: no column besides kind can be an input$"),
        (b"a,kind\n1,x\n2,\xe9\n", "^a.csv:3: this is no UTF-8 text: save the file as UTF-8$"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str | bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(text)


def test_of_many_faults_the_first_are_told() -> None:
    with pytest.raises(DataError) as told:
        read("a,b,kind\n,x,k\n1,,k\n?,?,k\n")
    assert str(told.value) == (
        "a.csv:2: a is missing; a.csv:2: b is 'x': that is no finite number; a.csv:3: b is missing;"
        " and 2 more like these"
    )


def test_a_column_that_is_not_there_is_told_at_its_place() -> None:
    with pytest.raises(Unfit, match=r"a\.csv has no column c; it has a, kind") as told:
        read("a,kind\n1,x\n", Reading("kind", columns=("a", "c")))
    assert told.value.setting == ("columns", 1)
    with pytest.raises(DataError, match="the column kind is the label, and no input"):
        read("a,kind\n1,x\n", Reading("kind", columns=("kind",)))


def test_the_test_file_is_read_in_the_order_of_the_training_file(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("a,b,kind\n1,2,x\n")
    test.write_text("kind,b,a\ny,4,3\n")
    one, other = both([train, test], KIND, look_at)
    assert other is not None
    assert (list(one.numbers), list(other.numbers), other.labels) == ([1, 2], [3, 4], ("y",))
    assert both([train], KIND, look_at)[1] is None


def test_other_columns_in_the_test_file_are_named(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("a,b,kind\n1,2,x\n")
    test.write_text("kind,b,c\ny,4,3\n")
    with pytest.raises(DataError, match=r"test.csv has other columns than .*: a, c are in one of"):
        both([train, test], KIND, look_at)
    found = both([train, test], Reading("kind", columns=("b",)), look_at)[1]
    assert found is not None
    assert list(found.numbers) == [4]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    assert look_at(path, KIND) is look_at(path, KIND)
    path.write_text(GOOD.replace("rose", "lily"))
    assert look_at(path, KIND).labels == ("lily", "iris")
