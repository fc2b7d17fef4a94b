"""What the answer of a specification becomes, and what is wrong with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import AnswerSentence, Json
from harness.spec.answer import Measured, Words, pieces
from harness.spec.load import load, load_file
from harness.spec.problems import SpecError

Write = Callable[..., Path]
Faults = Callable[..., list[str]]

EXPECTATION: Json = {
    "id": "drop",
    "metric": "one.test_accuracy",
    "at_least": 0.5,
    "basis": "hypothesis",
    "source": "a guess",
}
CELLS: Json = {"one": {}, "m": {"matrix": {"regularizers": [[], ["l2"]]}}}


def test_a_sentence_is_words_and_expressions() -> None:
    assert list(pieces("ends {a.x - b.x} lower {{so}}")) == [
        Words("ends "),
        Measured("a.x - b.x", 7),
        Words(" lower "),
        Words("{"),
        Words("so"),
        Words("}"),
    ]


def test_a_text_alone_rests_on_nothing(write: Write) -> None:
    text = "It ends at {one.test_accuracy}."
    assert load_file(write(answer=text)).answer == (AnswerSentence(text),)


def test_a_sentence_rests_on_all_expectations_unless_it_says_which(write: Write) -> None:
    other = EXPECTATION | {"id": "other"}
    given = [
        {"passes": "Yes.", "fails": "No."},
        {"rests_on": ["other"], "passes": "A", "fails": "B"},
    ]
    found = load_file(write(expectations=[EXPECTATION, other], answer=given)).answer
    assert found == (
        AnswerSentence("Yes.", "No.", None, ("drop", "other")),
        AnswerSentence("A", "B", None, ("other",)),
    )


def test_words_of_the_experiment_are_kept(write: Write) -> None:
    assert load_file(write(terms={"vanilla SGD": "plain"})).terms == {"vanilla SGD": "plain"}
    assert load_file(write("b.json", name="b")).answer == ()


WRONG: list[tuple[Json, str]] = [
    ("Yes, {one.test_accuracy}", "/answer a text alone stands there whatever came out"),
    ("no: nothing", "/answer a text alone stands there whatever came out"),
    ("It is {one.test_accuracy", "/answer the brace '{' at character 7 has no other"),
    ("It is {one.test}", "/answer unknown metric 'test'"),
    ("It is {ones.test_loss}", "/answer unknown run 'ones'; did you mean 'one'?"),
    ("It is {2}", "/answer the expression '2' at character 8 names no run"),
    ("It is {one.}", "/answer in the braces at character 8: cannot read the expression 'one.'"),
    ("It is {m[*].test_loss}", "/answer m[*].test_loss at character 8 is a number for each cell"),
    (
        [{"rests_on": ["dorp"], "passes": "Yes.", "fails": "No."}],
        "/answer/0/rests_on/0 unknown expectation 'dorp'; did you mean 'drop'?",
    ),
    (
        {"passes": "Yes.", "fails": "No: {one.x}."},
        "/answer/fails unknown metric 'x'",
    ),
]


@pytest.mark.parametrize(("answer", "message"), WRONG)
def test_what_is_wrong_with_an_answer(
    write: Write, faults: Faults, answer: Json, message: str
) -> None:
    (found,) = faults(write(runs=CELLS, expectations=[EXPECTATION], answer=answer))
    assert found.startswith(message)


def test_a_choice_needs_verdicts_to_choose_by(write: Write, faults: Faults) -> None:
    (found,) = faults(write(answer={"passes": "Yes.", "fails": "No."}))
    assert found.startswith("/answer there are no expectations")


def test_both_cases_must_be_told(write: Write, faults: Faults) -> None:
    found = faults(write(expectations=[EXPECTATION], answer={"passes": "Yes."}))
    assert "'fails'" in " ".join(found)


def test_a_fault_has_its_line(write: Write) -> None:
    path = write(answer="It is {one.test}")
    with pytest.raises(SpecError) as caught:
        load([path])
    (problem,) = caught.value.problems
    assert '"answer"' in path.read_text().splitlines()[problem.line - 1]
