"""What a word names: files, folders, stores, revisions; and what is said of unreadable ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.compare.records import ReadError, Side, UnknownSide
from harness.compare.sides import read_side
from harness.experiment import Json
from harness.store.store import Store
from tests.compare.conftest import judgement, result, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def accuracies(found: Side) -> dict[str, dict[str, list[float | None]]]:
    return {
        name: {
            run: [each.measurements["test_accuracy"] for each in seeds.values()]
            for run, seeds in of.runs.items()
        }
        for name, of in found.experiments.items()
    }


@pytest.fixture
def git(here: Path) -> Callable[..., str]:
    """Make a repository with different reports in its two commits and in its working tree."""

    def run(*words: str) -> str:
        who = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
        environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        done = subprocess.run(
            ["git", *who, *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch", "main")
    for index, value in enumerate((0.1, 0.2)):
        write(here / "reports", result({"one": [value]}), result({"one": [value]}, name="b"))
        (here / "reports/notes.md").write_text("no result")
        (here / "reports/other.json").write_text('{"format": "something else"}')
        write(here / "elsewhere", result({"one": [value + 0.5]}, name="c"))
        run("add", ".")
        run("commit", "--quiet", "-m", f"commit {index}")
    run("tag", "v1", "HEAD~1")
    write(here / "reports", result({"one": [0.3]}))
    return run


def test_a_file_is_one_experiment_and_a_folder_is_several(here: Path) -> None:
    write(here / "reports", result({"one": [0.1, 0.2]}), result({"two": [0.3]}, name="b"))
    folder, file = read_side("reports"), read_side("reports/a.json")
    assert accuracies(folder) == {"a": {"one": [0.1, 0.2]}, "b": {"two": [0.3]}}
    assert accuracies(file) == {"a": {"one": [0.1, 0.2]}}
    assert (folder.single, file.single, folder.judged) == (False, True, True)
    assert folder.experiments["a"].environment == {"keras": ("3.15",)}


def test_what_earlier_versions_did_not_write_is_not_missed(here: Path) -> None:
    old = result({"one": [0.1]}, [judgement("pass", 0.95)])
    del old["environment"], old["title"]
    old["judgements"][0] = {
        name: old["judgements"][0][name] for name in ("id", "metric", "verdict", "statistic")
    }
    old["runs"]["one"]["0"]["measurements"] = {"test_accuracy": "nan", "steps": 3}
    write(here, old)
    found = read_side("a.json").experiments["a"]
    assert (found.title, found.environment) == ("", {})
    assert str(found.runs["one"][0].measurements["test_accuracy"]) == "nan"
    assert (found.expectations["e"].verdict, found.expectations["e"].values) == ("pass", {})
    # What a mean was before there was a choice.
    assert found.expectations["e"].terms["method"] == "student"


def test_a_revision_is_the_reports_there(git: Callable[..., str]) -> None:
    head = git("rev-parse", "HEAD")
    assert accuracies(read_side("HEAD"))["a"] == {"one": [0.2]}
    assert (
        accuracies(read_side("HEAD~1"))
        == accuracies(read_side("v1"))
        == {"a": {"one": [0.1]}, "b": {"one": [0.1]}}
    )
    assert accuracies(read_side("main:elsewhere")) == {"c": {"one": [0.7]}}
    file = read_side(f"{head[:8]}:reports/b.json")
    assert (accuracies(file), file.single) == ({"b": {"one": [0.2]}}, True)
    assert file.name == f"{head[:8]}:reports/b.json ({head[:10]})"
    assert read_side("main").name == f"main:reports ({head[:10]})"
    assert accuracies(read_side("reports"))["a"] == {"one": [0.3]}


def test_from_a_folder_below_a_revision_is_what_lies_there(
    git: Callable[..., str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here / "project/reports", result({"one": [0.4]}))
    git("add", ".")
    git("commit", "--quiet", "-m", "below")
    monkeypatch.chdir(here / "project")
    assert accuracies(read_side("HEAD")) == {"a": {"one": [0.4]}}
    assert accuracies(read_side("HEAD:reports"))["a"] == {
        "one": [0.3]
    }  # as git reads it: from the top


def test_a_path_goes_before_a_revision(git: Callable[..., str], here: Path) -> None:
    write(here / "main", result({"one": [0.9]}))
    assert accuracies(read_side("main")) == {"a": {"one": [0.9]}}
    assert accuracies(read_side("main:"[:-1] + "~0"))["a"] == {"one": [0.2]}


@pytest.mark.parametrize(
    "word", ["nothing", "", "no such", "HEAD~7", "--all", "a\0b", "x" * 5000, ":reports", "-"]
)
def test_a_word_that_names_nothing_is_told_what_is_accepted(
    git: Callable[..., str], word: str
) -> None:
    with pytest.raises(
        UnknownSide, match=r"is no path and no git revision here; what is compared is a result file"
    ):
        read_side(word)


def test_a_folder_without_results_is_told() -> None:
    with pytest.raises(ReadError, match=r"\. has no result files \(NAME\.json\) and is no store"):
        read_side(".")


class TestWithoutARevision:
    """Why git gives nothing is told, in its own words where it has any."""

    def test_without_a_repository(self) -> None:
        with pytest.raises(
            UnknownSide,
            match=r"no git revision here \(git says: fatal: not a git repository .*\); what",
        ):
            read_side("HEAD")

    def test_without_git(self, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(
            UnknownSide,
            match=r"no git revision here \(git is not installed, or not on the PATH\); what",
        ):
            read_side("HEAD")

    def test_with_a_git_that_cannot_be_run(
        self, git: Callable[..., str], here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (here / "bin").mkdir()
        (here / "bin/git").write_text("no program")
        (here / "bin/git").chmod(0o755)
        monkeypatch.setenv("PATH", str(here / "bin"))
        with pytest.raises(UnknownSide, match=r"\(git cannot be run: Exec format error\)"):
            read_side("HEAD")

    def test_in_a_repository_of_another_person(
        self, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        with pytest.raises(
            UnknownSide, match=r"dubious ownership in repository at .* --add safe\.directory /"
        ):
            read_side("HEAD")

    def test_before_the_first_commit(self, here: Path) -> None:
        subprocess.run(["git", "init", "--quiet"], check=True)
        with pytest.raises(
            UnknownSide, match=r"no git revision here \(this repository has no commits yet\)"
        ):
            read_side("HEAD")

    def test_in_a_shallow_clone(
        self, git: Callable[..., str], here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        git("clone", "--quiet", "--depth", "1", f"file://{here}", "shallow")
        monkeypatch.chdir(here / "shallow")
        assert accuracies(read_side("HEAD"))["a"] == {"one": [0.2]}
        with pytest.raises(
            UnknownSide,
            match=r"\(this is a shallow clone, .*; git fetch --unshallow brings the others\)",
        ):
            read_side("HEAD~1")

    def test_where_an_object_is_damaged(self, git: Callable[..., str], here: Path) -> None:
        blob = git("rev-parse", "HEAD:reports/a.json")
        found = here / ".git/objects" / blob[:2] / blob[2:]
        found.chmod(0o644)
        found.write_bytes(b"no object")
        with pytest.raises(
            ReadError, match=r"^HEAD:reports/a\.json cannot be read; git says: error: .*corrupt"
        ):
            read_side("HEAD")


def test_a_revision_without_reports_is_told(git: Callable[..., str]) -> None:
    with pytest.raises(
        ReadError, match="HEAD:nowhere: there is no such file or folder at this revision"
    ):
        read_side("HEAD:nowhere")
    with pytest.raises(ReadError, match=r"HEAD:reports/notes\.md: not JSON: "):
        read_side("HEAD:reports/notes.md")
    with pytest.raises(
        ReadError, match=r"HEAD:reports/other\.json \([0-9a-f]{10}\) has no result files"
    ):
        read_side("HEAD:reports/other.json")


DAMAGED: list[tuple[str | bytes, str]] = [
    ("{", "a.json: not JSON: "),
    (b"\xff\xfe", "a.json: not JSON: 'utf-8' codec"),
    ("[" * 100_000, "a.json: not JSON: "),
    ('{"a": "\\ud800"}', "a.json: not JSON: 'utf-8' codec"),
    ("[]", "a.json is no result file of reports"),
    (
        '{"format": "reproduction-harness result 2"}',
        "its format is 'reproduction-harness result 2'; this version",
    ),
    ('{"format": "reproduction-harness result 1"}', "a.json: runs is missing"),
    (
        '{"format": "reproduction-harness result 1", "runs": []}',
        "a.json: at runs expected an object, found []",
    ),
    (
        '{"format": "reproduction-harness result 1", "runs": {"one": {"x": {}}}}',
        "at runs.one expected a seed, found 'x'",
    ),
    (
        '{"format": "reproduction-harness result 1", "runs": {"one": {"0": 1}}}',
        "at runs.one.0 expected an object",
    ),
    (
        '{"format": "reproduction-harness result 1", "runs": {"one": {"0": {}}}}',
        "runs.one.0.key is missing",
    ),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED)
def test_a_damaged_file_is_told_with_the_place(
    here: Path, content: str | bytes, message: str
) -> None:
    (here / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ReadError) as told:
        read_side("a.json")
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            "measurements",
            {"test_accuracy": "much"},
            "at runs.one.0.measurements.test_accuracy expected a number",
        ),
        (
            "measurements",
            {"test_accuracy": True},
            "at runs.one.0.measurements.test_accuracy expected a number",
        ),
        ("measurements", [], "at runs.one.0.measurements expected an object"),
        ("status", None, "at runs.one.0.status expected a string"),
        (
            "measurements",
            {"test_accuracy": float("nan")},
            "at runs.one.0.measurements.test_accuracy expected a number",
        ),
        (
            "measurements",
            {"test_accuracy": 10**400},
            "at runs.one.0.measurements.test_accuracy expected a number",
        ),
    ],
)
def test_a_damaged_run_is_told_with_the_place(
    here: Path, place: str, value: Json, message: str
) -> None:
    document = result({"one": [0.1]})
    document["runs"]["one"]["0"][place] = value
    write(here, document)
    with pytest.raises(ReadError, match=message):
        read_side("a.json")


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("environment", {"keras": 3}, "at environment.keras expected an object, found 3"),
        ("environment", [], "at environment expected an object"),
        (
            "judgements",
            [{"id": "e", "metric": "m", "verdict": 1}],
            r"at judgements\.0\.verdict expected a string",
        ),
        (
            "judgements",
            [judgement("pass", 0.5) | {"lower": "x"}],
            r"at judgements\.0\.lower expected a number",
        ),
        (
            "judgements",
            [judgement("pass", 0.5) | {"mean": [1]}],
            r"at judgements\.0\.mean expected a number",
        ),
        (
            "judgements",
            [judgement("pass", 0.5) | {"values": {"1": "nan"}}],
            r"values\.1 expected a number",
        ),
        (
            "judgements",
            [judgement("pass", 0.5) | {"values": {"1.5": 1}}],
            r"judgements\.0\.values expected a seed",
        ),
    ],
)
def test_other_members_of_another_type_are_told_with_the_place(
    here: Path, member: str, value: Json, message: str
) -> None:
    write(here, result({"one": [0.1]}) | {member: value})
    with pytest.raises(ReadError, match=message):
        read_side("a.json")


def stored(
    root: Path, key: str, run: str, accuracy: float, settings: Json, parent: str | None = None
) -> None:
    store = Store(root)
    store.prepare()
    store.finish(
        key,
        run={"experiment": "a", "run": run, "seed": 0, "parent": parent, "settings": settings},
        history=[{"epoch": 0, "step": 0}],
        measurements={"test_accuracy": accuracy},
        environment={
            "environment": {"keras": "3"},
            "seconds": 1.0,
            "images_per_second": 1.0,
            "parameters": 3,
        },
        files={},
    )


def test_of_a_store_the_newest_run_of_each_name_counts(here: Path) -> None:
    for index, key in enumerate(("new", "old", "other")):
        stored(here / "store", key, "one" if key != "other" else "two", 0.1 * index, {})
        os.utime(here / "store/runs" / key, (0, 0) if key == "old" else None)
    found = read_side("store")
    assert accuracies(found) == {"a": {"one": [0.0], "two": [0.2]}}
    assert (found.judged, sorted(found.runs_by_key)) == (False, ["new", "old", "other"])
    assert found.experiments["a"].environment == {"keras": ("3",)}


def test_a_store_that_cannot_be_read_is_told(here: Path) -> None:
    Store(here / "store").prepare()
    with pytest.raises(ReadError, match="the store store has no finished runs"):
        read_side("store")
    stored(here / "store", "k", "one", 0.1, {})
    (here / "store/runs/k/run.json").write_text("[]")
    with pytest.raises(
        ReadError, match=r"store/runs/k/run\.json is damaged: .*runs remove k --store store"
    ):
        read_side("store")
    (here / "store/runs/k/run.json").unlink()
    with pytest.raises(ReadError, match=r"store/runs/k/run\.json is missing"):
        read_side("store")
