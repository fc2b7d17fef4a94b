"""From files to experiments, and from faults to places in files."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from harness.experiment import WeightsFile
from harness.spec.find import MOST_BYTES, MOST_EXTENDED
from harness.spec.load import expectation_places, find, load, load_file
from harness.spec.patch import parse_assignment
from harness.spec.problems import MOST_FAULTS, Problem, SpecError, unknown

SMALLEST = '{"name": "a", "title": "A", "runs": {"one": {}}}'

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


def problems(*paths: Path, sets: tuple[str, ...] = ()) -> list[tuple[str, int, int, str, str]]:
    with pytest.raises(SpecError) as caught:
        load(paths, [parse_assignment(text) for text in sets])
    return [(p.path.name, p.line, p.column, p.pointer, p.message) for p in caught.value.problems]


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_folders_are_searched_and_names_with_an_underscore_are_for_extends(tmp_path: Path) -> None:
    for name in ("b.json", "_base.json", "sub/a.json", "sub/_c.json", "sub/.d.json"):
        text(tmp_path / name, SMALLEST)
    assert find([tmp_path]) == [tmp_path / "b.json", tmp_path / "sub" / "a.json"]
    for name in ("sub/_c.json", "sub/.d.json"):
        assert find([tmp_path / name]) == [tmp_path / name]


def test_a_folder_that_the_harness_wrote_to_is_searched_again(tmp_path: Path) -> None:
    text(tmp_path / "a.json", SMALLEST)
    text(tmp_path / "package.json", '{"name": "thing", "version": "1.0.0"}')
    result = '{"format": "reproduction-harness result 1", "name": "a", "title": "A", "runs": {}}'
    text(tmp_path / "reports" / "a.json", result)
    text(tmp_path / "reports" / "a.baseline.json", result)
    assert find([tmp_path]) == [tmp_path / "a.json"]
    format_ = "it says of itself that its format is 'reproduction-harness result 1'"
    needs = "a specification has a name, a title and runs, or extends another"
    assert problems(tmp_path / "reports" / "a.json", tmp_path / "reports") == [
        ("reports", 1, 1, "", "no specification (*.json) in this folder, 2 other JSON files"),
        ("a.json", 1, 1, "", f"this is no specification: {format_}; {needs}"),
    ]


def test_what_cannot_be_read_in_a_folder_is_left_out_with_a_warning(tmp_path: Path) -> None:
    text(tmp_path / "a.json", SMALLEST)
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    said: list[str] = []
    assert find([tmp_path], said.append) == [tmp_path / "a.json"]
    assert said == [
        f"{tmp_path / 'gone.json'} cannot be read and is left out: No such file or directory"
    ]
    assert problems(tmp_path / "gone.json") == [("gone.json", 1, 1, "", "no such file or folder")]


def test_a_file_that_is_named_is_a_regular_one_of_some_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    text(tmp_path / "large.json", SMALLEST + " " * MOST_BYTES)
    assert [
        problem[4] for problem in problems(tmp_path / "pipe.json", tmp_path / "large.json")
    ] == [
        f"cannot be read: it is larger than {MOST_BYTES:,} bytes",
        "cannot be read: it is no regular file",
    ]


def test_a_file_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text(tmp_path / "a.json", SMALLEST)
    monkeypatch.chdir(tmp_path)
    assert find([Path("a.json"), Path(), tmp_path, Path("./a.json")]) == [Path("a.json")]


def test_paths_that_lead_nowhere_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert problems(tmp_path / "empty", tmp_path / "none", tmp_path / ("n" * 300)) == [
        ("empty", 1, 1, "", "no specification (*.json) in this folder"),
        ("n" * 300, 1, 1, "", "cannot be read: File name too long"),
        ("none", 1, 1, "", "no such file or folder"),
    ]


def test_a_specification_changes_what_it_extends(write: Write, tmp_path: Path) -> None:
    write("_root.json", seeds=[1, 2], question="root", runs={"one": {}, "two": {}})
    text(
        tmp_path / "mid" / "_mid.json",
        json.dumps({"extends": "../_root.json", "question": "mid", "runs": {"two": None}}),
    )
    leaf = text(
        tmp_path / "leaf.json",
        json.dumps(
            {
                "extends": "mid/_mid.json",
                "name": "leaf",
                "seeds": [5],
                "runs": {"new": {"training": {"epochs": 3}}},
            }
        ),
    )
    (experiment,) = load([tmp_path])
    assert (experiment.path, experiment.name, experiment.title) == (leaf, "leaf", "A")
    assert (experiment.question, experiment.seeds, list(experiment.runs)) == (
        "mid",
        (5,),
        ["one", "new"],
    )
    assert "extends" not in experiment.document


def test_a_null_in_a_run_acts_on_the_defaults_of_what_is_extended(tmp_path: Path) -> None:
    schedule = {"name": "exponential", "factor": 0.9}
    defaults = {
        "dataset": {"name": "digits"},
        "model": {"name": "perceptron"},
        "training": {"schedule": schedule, "stop_when": {"train_accuracy": 1}},
    }
    base = {"name": "a", "title": "A", "defaults": defaults, "runs": {"one": {}, "two": {}}}
    text(tmp_path / "_base.json", json.dumps(base))
    constant = {"training": {"schedule": {"name": "constant", "factor": None}, "stop_when": None}}
    runs = {"one": None, "two": constant, "m": {"matrix": {"axis": {"x": constant, "y": {}}}}}
    leaf = text(tmp_path / "a.json", json.dumps({"extends": "_base.json", "runs": runs}))
    (experiment,) = load([leaf])
    assert list(experiment.runs) == ["two", "m[x]", "m[y]"]
    trainings = [run.settings.training for run in experiment.runs.values()]
    assert [training.schedule.name for training in trainings] == [
        "constant",
        "constant",
        "exponential",
    ]
    assert [training.stop_when is None for training in trainings] == [True, True, False]
    (changed,) = load([leaf], [{"runs": {"m": {"training": {"stop_when": None}}}}])
    assert changed.runs["m[y]"].settings.training.stop_when is None


def test_a_fault_is_where_the_setting_stands(tmp_path: Path) -> None:
    text(
        tmp_path / "_base.json",
        '{"name": "a", "title": "A",\n'
        ' "defaults": {"dataset": {"name": "digits"},\n'
        '              "model": {"name": "perceptron"},\n'
        '              "training": {"epochs": 0}},\n'
        ' "runs": {"one": {}}}\n',
    )
    leaf = text(tmp_path / "a.json", '{\n  "extends": "_base.json",\n  "seeds": [-1]\n}\n')
    assert problems(leaf) == [
        ("_base.json", 4, 38, "/defaults/training/epochs", "expected at least 1, found 0"),
        ("a.json", 3, 13, "/seeds/0", "expected at least 0, found -1"),
    ]
    # What an assignment has mended is gone, what it has broken is its own.
    assert problems(leaf, sets=("seeds=[0]", "defaults.training.epochs=x")) == [
        ("--set", 1, 38, "/defaults/training/epochs", 'expected an integer, found "x"')
    ]


def test_a_fault_of_a_cell_is_where_its_value_stands(tmp_path: Path) -> None:
    file = text(
        tmp_path / "a.json",
        '{"name": "a", "title": "A",\n'
        ' "defaults": {"dataset": {"name": "blobs"}, "model": {"name": "perceptron"}},\n'
        ' "runs": {\n'
        '   "m": {"matrix": {\n'
        '     "training.epochs": [1, 0], "training.batch_size": [1],\n'
        '     "size": {"big": {"model": {"hidden": [1]}},\n'
        '              "odd": {"model": {"name": "resnet"}}}}}}}\n',
    )
    resnet = "resnet needs images, but blobs gives vectors of 2 values"
    assert problems(file) == [
        ("a.json", 5, 29, "/runs/m/matrix/training.epochs/1", "expected at least 1, found 0"),
        ("a.json", 7, 41, "/runs/m/matrix/size/odd/model/name", resnet),
    ]


def test_what_is_missing_is_told_where_it_should_be(tmp_path: Path) -> None:
    file = text(
        tmp_path / "a.json",
        '{"name": "a", "title": "A",\n "runs": {"one": {},\n   "two": {"model": {"width": 3}}}}',
    )
    assert problems(file) == [
        ("a.json", 2, 18, "/runs/one", "'dataset' is missing"),
        ("a.json", 2, 18, "/runs/one", "'model' is missing"),
        ("a.json", 3, 11, "/runs/two", "'dataset' is missing"),
        ("a.json", 3, 21, "/runs/two/model", "'name' is missing"),
    ]


def test_every_file_tells_its_faults_in_one_go(write: Write, tmp_path: Path) -> None:
    text(tmp_path / "b.json", '{\n "name": "b",,\n}')
    text(tmp_path / "c.json", "[]")
    write("d.json", title="")
    write("e.json")
    files = [tmp_path / f"{name}.json" for name in "bcde"]
    assert [problem[:2] + problem[3:] for problem in problems(*files)] == [
        ("b.json", 2, "", "not JSON: Expecting property name enclosed in double quotes"),
        ("c.json", 1, "", "expected an object, found []"),
        ("d.json", 1, "/title", "expected a text, found an empty string"),
    ]


def test_names_are_unique_over_all_files(tmp_path: Path, write: Write) -> None:
    defaults = '{"dataset": {"name": "digits"}, "model": {"name": "perceptron"}}'
    rest = f'"title": "A", "defaults": {defaults}, "runs": {{"r": {{}}}}}}'
    text(tmp_path / "a.json", '{\n  "name": "same", ' + rest)
    text(tmp_path / "b.json", '{ "name":\n"same", ' + rest)
    write("c.json", name="other")
    assert problems(tmp_path) == [
        ("a.json", 2, 11, "/name", "another specification is named 'same' too"),
        ("b.json", 2, 1, "/name", "another specification is named 'same' too"),
    ]


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("none.json", "/none.json cannot be read: No such file or directory"),
        (".", " cannot be read: it is a folder"),
        ("/dev/zero", "/dev/zero cannot be read: it is no regular file"),
        ("~nobody-of-this-name/a.json", "cannot be read: there is no such home folder"),
        ("a\0b", " cannot be read: embedded null byte"),
        ("", 'expected the path of a specification, found ""'),
        (5, "expected the path of a specification, found 5"),
        (["x"], 'expected the path of a specification, found ["x"]'),
    ],
)
def test_a_base_that_cannot_be_read_is_told_where_it_is_named(
    tmp_path: Path, base: object, message: str
) -> None:
    file = text(tmp_path / "a.json", '{\n "extends": ' + json.dumps(base) + "}")
    ((name, line, column, pointer, found),) = problems(file)
    assert (name, line, column, pointer) == ("a.json", 2, 13, "/extends")
    assert found.endswith(message)


def test_a_base_that_is_no_specification_is_told_in_the_base(tmp_path: Path) -> None:
    text(tmp_path / "_b.json", '{"a":\n nul}')
    text(tmp_path / "_c.json", "5")
    assert problems(text(tmp_path / "a.json", '{"extends": "_b.json"}')) == [
        ("_b.json", 2, 2, "", "not JSON: Expecting value")
    ]
    assert problems(text(tmp_path / "a.json", '{"extends": "_c.json"}')) == [
        ("_c.json", 1, 1, "", "expected an object, found 5")
    ]


def test_files_that_extend_one_another_are_told(tmp_path: Path) -> None:
    first = text(tmp_path / "a.json", '{"extends": "b.json"}')
    text(tmp_path / "b.json", '{\n"extends": "./a.json"}')
    ((name, line, column, pointer, message),) = problems(first)
    assert (name, line, column, pointer) == ("b.json", 2, 12, "/extends")
    assert message.endswith(f"a.json extends itself, by way of {first} -> {tmp_path / 'b.json'}")


@pytest.mark.parametrize(("files", "valid"), [(MOST_EXTENDED, True), (MOST_EXTENDED + 1, False)])
def test_so_many_files_may_extend_one_another(
    write: Write, tmp_path: Path, files: int, valid: bool
) -> None:
    for number in range(files):
        text(tmp_path / f"{number}.json", json.dumps({"extends": f"{number + 1}.json"}))
    write(f"{files}.json")
    if valid:
        assert load_file(tmp_path / "0.json").name == "a"
    else:
        ((name, _, _, pointer, message),) = problems(tmp_path / "0.json")
        assert (name, pointer) == (f"{files - 1}.json", "/extends")
        assert message.endswith(
            f"{files}.json is one too many: {MOST_EXTENDED} files may extend one another"
        )


def test_a_path_starts_at_the_folder_of_the_file_that_it_is_written_in(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether in defaults, in a run, or in a matrix, whose labels stay what they are."""

    def folder(path: str, **run: object) -> dict[str, object]:
        return {**run, "dataset": {"name": "image_folder", "path": path}}

    cells = {"big": folder("c"), "small": {}}
    (tmp_path / "base").mkdir()
    write(
        "base/_base.json",
        defaults=folder("a", model={"name": "convnet"}),
        runs={
            "one": {},
            "two": folder("b"),
            "m": {"matrix": {"s": cells}},
            "d": {"matrix": {"dataset.path": ["e"]}},
        },
    )
    base = {"extends": "../base/_base.json"}
    leaf = text(tmp_path / "leaf" / "a.json", json.dumps(base | {"runs": {"three": folder("b")}}))

    def paths(*sets: str) -> dict[str, str]:
        (experiment,) = load([leaf], [parse_assignment(each) for each in sets])
        return {
            name: os.path.relpath(str(run.settings.dataset.source.parameters["path"]), tmp_path)
            for name, run in experiment.runs.items()
        }

    assert paths() == {
        "one": "base/a",
        "two": "base/b",
        "m[big]": "base/c",
        "m[small]": "base/a",
        "d[e]": "base/e",
        "three": "leaf/b",
    }
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert paths("defaults.dataset.path=x")["one"] == "here/x"
    assert paths("runs.two.dataset.path=../b")["two"] == "b"
    # The same text in both files: the leaf's is the stronger one, but a run's own is stronger than
    # any default.
    text(leaf, json.dumps(base | {"defaults": {"dataset": {"path": "a"}}}))
    assert [paths()[name] for name in ("one", "two", "m[big]", "m[small]")] == [
        "leaf/a",
        "base/b",
        "base/c",
        "leaf/a",
    ]


def test_weights_start_at_the_folder_of_the_file_that_names_them(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "w.weights.h5").write_bytes(b"weights")
    write("base/_base.json", runs={"one": {"initialize_from": {"weights": "w.weights.h5"}}})
    start = load_file(text(tmp_path / "leaf" / "a.json", '{"extends": "../base/_base.json"}')).runs[
        "one"
    ]
    assert isinstance(start.initialize_from, WeightsFile)
    assert start.initialize_from.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_of_many_faults_the_first_hundred_are_printed() -> None:
    def fault(file: str, line: int) -> Problem:
        return Problem(Path(file), line, 1, "", "wrong")

    few, many = (
        [fault("a", line) for line in range(1, 101)],
        [fault("b", line) for line in range(1, 250)],
    )
    lines = str(SpecError([*few, *many])).split("\n")
    assert lines[:100] == [f"a:{line}:1: wrong" for line in range(1, 101)]
    assert lines[100:] == [*(f"b:{line}:1: wrong" for line in range(1, 101)), "b: and 149 more"]
    thousand = SpecError(fault("a", line) for line in range(MOST_FAULTS))
    assert str(thousand).endswith("\na: and at least 900 more")
    assert len(thousand.problems) == MOST_FAULTS


def test_a_long_name_or_value_is_printed_in_part() -> None:
    long = Problem(Path("a.json"), 3, 7, "/" + "k" * 10**6, "w" * 10**6)
    assert len(str(long)) < 3000
    assert str(long).startswith("a.json:3:7: at /kkk")


def test_of_many_names_the_first_are_listed() -> None:
    names = [f"run{number}" for number in range(1000)]
    message = unknown("run", "x" * 10**6, names)
    assert message.startswith("unknown run 'xxx")
    assert message.endswith("run48, run49 and 950 more)")
    assert len(message) < 1000


def test_a_problem_reads_as_compilers_write_it() -> None:
    assert str(Problem(Path("a.json"), 3, 7, "/seeds", "no")) == "a.json:3:7: at /seeds no"
    assert str(Problem(Path("a.json"), 3, 7, "", "no")) == "a.json:3:7: no"


def test_problems_come_once_and_in_order() -> None:
    late, early = Problem(Path("a"), 10, 1, "", "x"), Problem(Path("a"), 9, 1, "", "y")
    assert str(SpecError([late, early, late])) == "a:9:1: y\na:10:1: x"


def test_the_nearest_name_is_offered_only_where_it_is_near() -> None:
    assert (
        unknown("run", "randm", ["random", "other"])
        == "unknown run 'randm'; did you mean 'random'? (allowed: random, other)"
    )
    assert unknown("run", "zzz", ["random"]) == "unknown run 'zzz' (allowed: random)"
    assert unknown("run", "zzz", []) == "unknown run 'zzz' (allowed: none)"


BROKEN = """{
  "$schema": "x",
  "name": "Broken One",
  "titel": "Nothing is right here",
  "source": {"url": "ftp://example.org"},
  "seeds": [0, 0, -1, 1.5],
  "defaults": {
    "dataset": {"name": "digits", "train_exmaples": 5, "randomize": [{"name": "confusoin"}]},
    "model": {"name": "perceptron", "hidden": [0]},
    "regularizers": ["l3", "l2"],
    "training": {"batch_size": "64", "stop_when": {"train_accuracy": 2}}
  },
  "runs": {
    "one": {"initialize_from": 5},
    "Two": {},
    "three": {"matrix": {"regularizers": [["l2"], ["l2"]], "size": {"a b": {}}}},
    "four": {"matrix": {"training.epochs": []}}
  },
  "expectations": [
    {"id": "e", "metric": "one.distance +", "at_least": 1, "basis": "hypothesis", "source": "s"},
    {"id": "e", "metric": "one.distance", "at_least": 1, "at_most": 2, "basis": "guess", "source": ""},
    {"metric": "nobody.nothing", "between": [1, "2"]}
  ],
  "figures": [
    {"name": "by_cell", "metric": "distance"},
    {"name": "pie"}
  ]
}
"""  # noqa: E501 - columns are told of


def test_a_gloriously_broken_specification_reads_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_regression: FileRegressionFixture
) -> None:
    text(tmp_path / "broken.json", BROKEN)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        load_file(Path("broken.json"))
    file_regression.check(str(caught.value) + "\n")


@pytest.mark.parametrize(
    "statement",
    [
        "import harness.spec.load, harness.plan, harness.cli",
        "from harness.cli import main; main(['validate', 'a.json'], standalone_mode=False)",
        "from harness.cli import main; main(['plan', 'a.json'], standalone_mode=False)",
        "from harness.cli import main; main(['data', 'list'], standalone_mode=False)",
    ],
)
def test_looking_at_specifications_imports_no_tensorflow(write: Write, statement: str) -> None:
    path = write()
    heavy = ("tensorflow", "keras", "tensorflow_datasets")
    check = f"import sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{check}"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_expectations_stand_in_the_file_that_says_them_last(tmp_path: Path) -> None:
    listed = '{\n"expectations": [\n{"id": "a"},\n{"id":\n"b"}]\n}'
    base = text(tmp_path / "_base.json", listed)
    leaf = text(tmp_path / "leaf.json", '{"extends": "_base.json"}')
    assert expectation_places(leaf) == {"a": (base, 3), "b": (base, 4)}
    own = text(tmp_path / "own.json", '{"extends": "_base.json",\n"expectations": [{"id": "c"}]}')
    assert expectation_places(own) == {"c": (own, 2)}
    none = text(tmp_path / "none.json", '{"extends": "_base.json", "expectations": null}')
    assert expectation_places(none) == {}
