from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from pytest_regressions.data_regression import DataRegressionFixture
from scipy.stats import beta
from sklearn.datasets import load_digits

from harness import backend
from harness.compile import compile_run
from harness.data import catalog, loading
from harness.data.pipeline import scaled
from harness.data.records import Examples
from harness.data.rows import whole
from harness.follow import progress
from harness.store import checksums, run_files

if TYPE_CHECKING:
    from tests.support.person import Person

EXPECTED = {
    "id": "learns",
    "title": "It learns",
    "basis": "hypothesis",
    "source": "chance is 10%",
    "statistic": "every",
}
LEARNS = {**EXPECTED, "metric": "random.test_accuracy", "at_least": 0.2}
CONFUSION = {"dataset": {"randomize": [{"name": "confusion", "replicas": 2, "zero_out": 0.1}]}}
THREE: dict[str, Any] = {
    "runs": {
        "confusion": {**CONFUSION, "training": {"epochs": 8}},
        "random": {},
        "adversarial": {"initialize_from": "confusion"},
    },
    "expectations": [LEARNS],
}


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, person_in: Callable[[Path], Person]
) -> Person:
    person = person_in(tmp_path_factory.mktemp("finished"))
    result = person.run(person.spec(**THREE))
    assert result.exit_code == 0, result.output
    return person


def held_out() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The digits that are not for training, scaled: of m images of a class, image j where (50 j)
    mod m >= 50.
    """
    images, labels = load_digits(return_X_y=True)
    seen, chosen = dict.fromkeys(range(10), 0), []
    for label in labels:
        chosen.append(50 * seen[label] % int((labels == label).sum()) >= 50)
        seen[label] += 1
    return images[chosen] / 16, labels[chosen]


def test_a_finished_run_is_the_documented_folder(finished: Person) -> None:
    keys = finished.keys(finished.spec(**THREE))
    assert {path.name for path in finished.store.folder("").iterdir()} == set(keys.values())
    assert list((finished.folder / "store" / "unfinished").iterdir()) == []
    files = {path.name for path in finished.store.folder(keys["random"]).iterdir()}
    records = {"run.json", "history.csv", "measurements.json", "environment.json"}
    assert files == records | {"final.weights.h5", "predictions.npz", "SHA256SUMS"}
    record = json.loads((finished.store.folder(keys["adversarial"]) / "run.json").read_text())
    assert (record["run"], record["seed"], record["parent"]) == (
        "adversarial",
        0,
        keys["confusion"],
    )
    environment = json.loads(
        (finished.store.folder(keys["random"]) / "environment.json").read_text()
    )
    assert environment["parameters"] == 64 * 16 + 16 + 16 * 10 + 10


@pytest.mark.parametrize("run", ["random", "confusion", "adversarial"])
def test_plain_keras_loads_the_weights_and_they_give_the_recorded_accuracy(
    finished: Person, run: str
) -> None:
    key = finished.keys(finished.spec(**THREE))[run]
    layers = [
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    model.load_weights(finished.store.folder(key) / "final.weights.h5")
    w1, b1, w2, b2 = finished.weights(key)
    assert all(
        np.array_equal(a, b) for a, b in zip(model.get_weights(), (w1, b1, w2, b2), strict=True)
    )
    x, labels = held_out()
    logits = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    recorded = finished.measurements(key)
    assert recorded["test_accuracy"] == np.mean(logits.argmax(1) == labels)
    log_sum = np.log(np.exp(logits).sum(1))
    assert recorded["test_loss"] == pytest.approx(
        np.mean(log_sum - logits[np.arange(len(labels)), labels]), rel=1e-5
    )
    norm = math.sqrt(sum(float(np.square(w, dtype=np.float64).sum()) for w in (w1, b1, w2, b2)))
    assert recorded["weight_norm"] == pytest.approx(norm, rel=1e-6)


def test_adversarial_starts_from_its_parent_s_final_weights(finished: Person) -> None:
    keys = finished.keys(finished.spec(**THREE))
    history, parent = finished.history(keys["adversarial"]), finished.history(keys["confusion"])
    assert (history["epoch"][0], history["distance"][0]) == (0, 0)
    assert history["weight_norm"][0] == parent["weight_norm"][-1]
    assert history["test_accuracy"][0] == parent["test_accuracy"][-1]
    moved = zip(
        finished.weights(keys["adversarial"]), finished.weights(keys["confusion"]), strict=True
    )
    distance = math.sqrt(sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in moved))
    assert history["distance"][-1] == pytest.approx(distance, rel=1e-5)


def test_the_reports_are_written(finished: Person) -> None:
    reports = finished.folder / "reports"
    names = {"README.md", "tiny.md", "tiny.json", "tiny.expectations.json", "tiny"}
    assert {path.name for path in reports.iterdir()} == names
    assert list((reports / "tiny").glob("*.png"))
    tokens = MarkdownIt().enable("table").parse((reports / "tiny.md").read_text())
    kinds = [token.type for token in tokens]
    assert tokens[0].content.startswith("<!-- reproduction-harness report 1: ")
    assert (tokens[1].type, tokens[1].tag, tokens[2].content) == ("heading_open", "h1", "Tiny")
    assert kinds.count("table_open") >= 2
    cells = [token.content for token in tokens if token.type == "inline"]
    assert {"confusion", "random", "adversarial"} <= {cell.strip("`*") for cell in cells}
    images = [
        child.attrs["src"]
        for token in tokens
        for child in token.children or ()
        if child.type == "image"
    ]
    assert images
    assert all((reports / str(source)).is_file() for source in images)


def test_the_numbers_are_as_before(
    finished: Person, data_regression: DataRegressionFixture
) -> None:
    """Counts exactly; accuracies within what another processor's arithmetic may change."""
    keys = finished.keys(finished.spec(**THREE))
    numbers = {run: finished.measurements(key) for run, key in keys.items()}
    exact = {
        run: {name: each[name] for name in ("epochs", "steps")} for run, each in numbers.items()
    }
    data_regression.check(exact)
    measured = {run: each["test_accuracy"] for run, each in numbers.items()}
    assert measured == pytest.approx(
        {"confusion": 0.1, "random": 0.36, "adversarial": 0.3}, abs=0.05
    )


def test_finished_runs_are_not_repeated(finished: Person) -> None:
    files = [*finished.store.folder("").rglob("*.*")]
    before = {path: path.stat().st_mtime_ns for path in files}
    result = finished.run(finished.spec(**THREE, title="Another title", question="And a question?"))
    assert result.exit_code == 0
    assert result.stdout.count("(kept from before)") == 3
    assert {
        path: path.stat().st_mtime_ns for path in finished.store.folder("").rglob("*.*")
    } == before
    assert "# Another title" in (finished.folder / "reports" / "tiny.md").read_text()


def test_only_one_run_and_what_it_starts_from(person: Person) -> None:
    spec = person.spec(**THREE)
    result = person.run(spec, "--only", "adversarial")
    done = {run for run, key in person.keys(spec).items() if person.store.done(key)}
    assert done == {"confusion", "adversarial"}
    assert result.stdout.count("✓") == 2
    assert result.exit_code == 4  # what the expectation speaks of was not run


@pytest.mark.parametrize(("bound", "code"), [({"at_least": 0.0}, 0), ({"at_least": 1.0}, 1)])
def test_the_exit_code_tells_the_verdict(
    person: Person, bound: dict[str, float], code: int
) -> None:
    assert person.run(person.spec(expectations=[{**LEARNS, **bound}])).exit_code == code


def test_a_run_that_diverges_is_an_error_and_the_others_go_on(person: Person) -> None:
    runs = {
        "wild": {"training": {"optimizer": {"learning_rate": 1e30}}},
        "child": {"initialize_from": "wild"},
        "grandchild": {"initialize_from": "child", "training": {"epochs": 1}},
        "random": {},
    }
    spec = person.spec(runs=runs, expectations=[LEARNS])
    result = person.run(spec, "--allow", "blocked")
    assert result.exit_code == 3
    lines = {
        line.split(" / ")[1]: line for line in result.stdout.splitlines() if " / seed 0" in line
    }
    assert "error: the loss became NaN at step" in lines["wild"]
    assert (
        "blocked: it starts from wild, which failed: the loss became NaN at step" in lines["child"]
    )
    assert (
        "blocked: it starts from child, which is blocked: it starts from wild, which failed"
        in lines["grandchild"]
    )
    assert lines["random"].startswith("✓")
    keys = person.keys(spec)
    assert [person.store.done(keys[run]) for run in runs] == [False, False, False, True]
    assert "became NaN" in (person.folder / "reports" / "tiny.md").read_text()


@pytest.mark.parametrize(("allow", "code"), [((), 4), (("--allow", "blocked"), 0)])
def test_missing_images_block_a_run_and_the_others_go_on(
    person: Person, allow: tuple[str, ...], code: int
) -> None:
    folder = person.folder / "no images"
    runs = {"random": {}, "photographs": {"dataset": {"name": "image_folder", "path": str(folder)}}}
    metrics = {"here": "random.test_accuracy", "gone": "photographs.test_accuracy"}
    spec = person.spec(
        runs=runs,
        expectations=[{**LEARNS, "id": name, "metric": metric} for name, metric in metrics.items()],
    )
    result = person.run(spec, *allow)
    assert result.exit_code == code
    sentence = (
        f"blocked: the folder {folder} does not exist: put the images there as"
        " <split>/<class>/<image>"
    )
    assert sentence in result.stdout
    assert person.store.done(person.keys(spec)["random"])


def folder_of_images(folder: Path) -> Path:
    """Two classes, dark and bright, whose images have one size in bytes."""
    random = np.random.default_rng(0)
    for split, label in itertools.product(("train", "test"), ("bright", "dark")):
        (folder / split / label).mkdir(parents=True)
        for index in range(8):
            pixels = random.integers(0, 100, (8, 8), dtype=np.uint8) + 150 * (label == "bright")
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(folder / split / label / f"{index}.png", compress_level=0)
    return folder


def photographs(person: Person, folder: Path, **changes: Any) -> str:
    dataset = {
        "name": "image_folder",
        "path": str(folder),
        "train_examples": None,
        "test_examples": None,
    }
    metric = "photographs.test_accuracy"
    expectation = {**EXPECTED, "metric": metric, "at_least": 0.0}
    return person.spec(
        **{
            "name": "images",
            "runs": {"photographs": {"dataset": dataset, "training": {"batch_size": 4}}},
            "expectations": [expectation],
        }
        | changes
    )


def test_images_that_are_replaced_by_others_of_their_size_are_trained_on_anew(
    person: Person,
) -> None:
    folder = folder_of_images(person.folder / "photographs")
    spec = photographs(person, folder)
    before = person.keys(spec)["photographs"]
    assert person.run(spec).exit_code == 0
    for index in range(8):
        one, two = folder / f"test/dark/{index}.png", folder / f"test/bright/{index}.png"
        first, second = one.read_bytes(), two.read_bytes()
        assert len(first) == len(second)
        one.write_bytes(second)
        two.write_bytes(first)
    assert person.run(spec).exit_code == 0
    after = person.keys(spec)["photographs"]
    assert after != before
    accuracies = [person.measurements(key)["test_accuracy"] for key in (before, after)]
    assert sum(accuracies) == pytest.approx(1)  # each image is in the other class now


def test_what_was_loaded_is_recorded_and_its_count_is_what_limits_speak_of(person: Person) -> None:
    folder = folder_of_images(person.folder / "photographs")
    binomial = {**EXPECTED, "metric": "photographs.test_accuracy", "at_least": 0.0}
    spec = photographs(person, folder, expectations=[binomial])
    assert person.run(spec).exit_code == 0
    key = person.keys(spec)["photographs"]
    data = json.loads((person.store.folder(key) / "environment.json").read_text())["data"]
    content = data.pop("content")
    assert data == {"train_examples": 16, "test_examples": 16, "classes": ["bright", "dark"]}
    assert content == person.plan(spec).runs[key].content
    report = (
        (person.folder / "reports" / "images.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    )
    right = round(16 * person.measurements(key)["test_accuracy"])
    lower = 100 * beta.ppf(0.05, right, 17 - right) if right else 0.0
    upper = 100 * beta.ppf(0.95, right + 1, 16 - right) if right < 16 else 100.0
    assert f"{lower:.2f} to {upper:.2f}% (test images alone)" in report


def test_data_that_cannot_be_used_are_an_error_of_their_runs_alone(person: Person) -> None:
    folder = folder_of_images(person.folder / "photographs")
    (folder / "train/dark/link.png").symlink_to("/nowhere/1.png")
    (folder / "train/dark/Thumbs.db").write_text("")
    wrong = photographs(person, folder)
    result = person.run(wrong, person.spec())
    assert result.exit_code == 3
    assert "train/dark/link.png is a link to /nowhere/1.png, which is not there" in result.stdout
    assert "Traceback" not in result.output
    assert person.store.done(person.keys(person.spec())["random"])
    (folder / "train/dark/link.png").unlink()
    result = person.run(wrong)
    assert result.exit_code == 0
    assert "1 file or folder is left out as no images: train/dark/Thumbs.db" in result.stdout


def test_images_that_change_between_planning_and_loading_are_an_error(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of_images(person.folder / "photographs")
    spec = photographs(person, folder)
    planned = person.keys(spec)["photographs"]
    real = loading.load

    def late(*arguments: Any) -> Examples:
        (folder / "test/dark/0.png").write_bytes((folder / "test/bright/0.png").read_bytes())
        return real(*arguments)

    monkeypatch.setattr(loading, "load", late)
    result = person.run(spec)
    assert result.exit_code == 3
    assert (
        "were changed after the run was planned: run again when they stay as they are"
        in result.stdout
    )
    assert not person.store.done(planned)
    assert person.store.keys() == []


@pytest.mark.parametrize("gpus", [0, 1])
def test_an_experiment_that_needs_a_gpu(
    person: Person, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "gpus", lambda: gpus)
    result = person.run(person.spec(requires={"gpu": True}, expectations=[LEARNS]))
    assert result.exit_code == (0 if gpus else 4)
    assert ("blocked: it needs a GPU, and this machine has none" in result.stdout) == (not gpus)


def a_file(path: Path) -> None:
    path.write_text("in the way")


def a_file_inside(path: Path) -> None:
    path.mkdir()
    (path / "runs").write_text("in the way")


@pytest.mark.parametrize("obstruct", [a_file, a_file_inside])
def test_a_store_that_cannot_be_written_is_told(
    person: Person, obstruct: Callable[[Path], None]
) -> None:
    obstruct(person.folder / "store")
    result = person.run(person.spec())
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"error: the store {person.folder / 'store'} cannot be written" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_reports_that_cannot_be_written_are_told_before_training(person: Person) -> None:
    (person.folder / "reports").write_text("in the way")
    spec = person.spec()
    result = person.run(spec)
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"error: the reports {person.folder / 'reports'} cannot be written" in result.stderr
    assert not person.store.done(person.keys(spec)["random"])


def test_points_in_the_plane_get_a_decision_grid(person: Person) -> None:
    points = {"name": "blobs", "train_examples": None, "train_per_class": 10, "test_per_class": 10}
    training = {"loss": "binary_cross_entropy", "batch_size": 10, "epochs": 200}
    spec = person.spec(defaults={"dataset": points, "training": training})
    assert person.run(spec).exit_code == 0
    key = person.keys(spec)["random"]
    with np.load(person.store.folder(key) / "decision_grid.npz") as grid:
        assert grid.files
    # Two clusters one above the other: a boundary crosses the square from one side to the other.
    assert person.measurements(key)["boundary_length"] > 0


def test_what_is_expected_is_written_down_before_the_first_run_starts(person: Person) -> None:
    other = {**LEARNS, "id": "other", "metric": "confusion.train_accuracy"}
    spec = person.spec(**THREE | {"expectations": [LEARNS, other]})
    trial = person.run(spec, "--set", "defaults.training.epochs=3", "--only", "random")
    assert trial.exit_code == 4, trial.output
    ledgers = [
        person.folder / "store/expectations/tiny.json",
        person.folder / "reports/tiny.expectations.json",
    ]
    assert not any(path.exists() for path in ledgers)
    shutil.rmtree(person.folder / "reports")  # the trial was told to put its report there
    again = person.run(spec, "--only", "random")
    assert again.exit_code == 4, again.output
    assert ledgers[0].read_bytes() == ledgers[1].read_bytes()
    told = json.loads(ledgers[0].read_text())
    assert [each["id"] for each in told["statements"]] == ["learns", "other"]
    assert told["finished"] == {"random": [0]}
    spec = person.spec(
        **THREE | {"expectations": [{**LEARNS, "at_least": 0.25}, {**other, "at_least": 0.05}]}
    )
    result = person.run(spec)
    assert "warning: learns: changed on 20" in result.stdout
    assert "warning: other" not in result.stdout
    assert "1 of 2 expectations was stated on 20" in (person.folder / "reports/tiny.md").read_text()


@pytest.mark.parametrize("name", ["perceptron", "convnet"])
def test_predictions_are_kept_that_have_the_test_accuracy(person: Person, name: str) -> None:
    """Of the compiled way and of the streamed one."""
    model = {"name": "convnet", "hidden": None, "width": 2} if name == "convnet" else {}
    spec = person.spec(defaults={"model": model, "training": {"epochs": 2}})
    assert person.run(spec).exit_code == 0
    key = person.keys(spec)["random"]
    found = run_files.predictions(checksums.open_run(person.store.folder(key)))
    assert found is not None
    assert found.logits is not None
    assert found.logits.shape == (1297, 10)
    assert np.count_nonzero(found.right) / 1297 == person.measurements(key)["test_accuracy"]
    # The network itself, read from its file by plain Keras operations, gives the same logits.
    settings = person.plan(spec).runs[key]
    weights = person.store.weights(key)
    compiled = compile_run(settings.run.settings, 0, weights, catalog.data_dir())
    inputs = scaled(compiled.pipeline, whole(compiled.pipeline.test.inputs))
    logits = np.asarray(compiled.model(inputs, training=False))
    np.testing.assert_allclose(found.logits.astype(np.float32), logits, rtol=2e-3, atol=2e-3)
    assert found.labels.tolist() == compiled.pipeline.test.labels.tolist()
    assert person.store.kept(key)["predictions"] == found.summary()


def test_the_progress_is_that_of_all_specifications(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_TICK_SECONDS", 0.01)
    one = person.spec(name="one", seeds=[0, 1])
    two = person.spec(name="two", seeds=[0, 1, 2])
    result = person.run(one, two)
    assert result.exit_code == 0, result.output
    told = result.stdout.splitlines()
    beats = [line for line in told if line.startswith("after ")]
    assert any("0 of 3 runs done" in line for line in beats), beats
    assert any("at work: one / random / seed 0 (" in line for line in beats), beats
    assert sum(line.startswith("✓") for line in told) == 3, result.stdout


def test_runs_of_worker_processes_are_told_when_they_end_and_once(person: Person) -> None:
    spec = person.spec(seeds=list(range(6)))
    process = person.fork(spec, "-j", "2")
    told, faults = process.communicate(timeout=200)
    assert faults == ""
    lines = [line for line in told.splitlines() if line.startswith("✓")]
    assert len(lines) == len(set(lines)) == 6
    assert "kept" not in told
