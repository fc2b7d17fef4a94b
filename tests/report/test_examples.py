"""The pictures of a data set: of the examples that runs were trained on, the same every time."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data import pipeline
from harness.data.catalog import data_dir
from harness.data.loading import load as load_data
from harness.data.rows import take, whole
from harness.experiment import Component, Experiment, Json
from harness.report import examples
from harness.report.data_card import data_sets
from harness.report.examples import draw_elsewhere, pictures, randomized

pytestmark = pytest.mark.usefixtures("drawn_plots")

Load = Callable[..., Experiment]

CHAINS: list[list[Json]] = [
    [{"name": "confusion", "replicas": 2, "zero_out": 0.1}],
    [{"name": "label_corruption", "probability": 0.5}, {"name": "random_pixels"}],
    [{"name": "shuffled_pixels"}, {"name": "gaussian"}],
    [{"name": "random_pixels", "seed": 7}],
]


def digits(load: Load, *chains: list[Json]) -> Experiment:
    runs = {
        f"r{index}": {"dataset": {"name": "digits", "randomize": chain}}
        for index, chain in enumerate([[], *chains])
    }
    return load(runs=runs)


@pytest.mark.parametrize("chain", CHAINS)
def test_the_examples_are_those_that_a_run_is_trained_on(load: Load, chain: list[Json]) -> None:
    dataset = digits(load, chain).runs["r1"].settings.dataset
    trained = pipeline.build(dataset, (), 3, data_dir()).train
    shown = randomized(load_data(dataset, data_dir()), dataset.randomize, 3)
    places = np.array([0, 7, len(shown) - 1])
    assert (shown.labels == trained.labels).all()
    assert (take(shown.inputs, places) == whole(trained.inputs)[places]).all()


def test_a_picture_is_the_same_every_time_and_small(load: Load) -> None:
    experiment = digits(load, *CHAINS)
    used = data_sets(experiment, ())
    (first,), (second,) = (pictures(experiment, used).values() for _ in range(2))
    assert first == second
    assert len(first) < 100_000
    with Image.open(io.BytesIO(first)) as image:
        assert image.width <= 1000


def test_a_process_of_its_own_draws_the_same(load: Load) -> None:
    experiment = digits(load, CHAINS[0])
    (used,) = data_sets(experiment, ())
    (here,) = pictures(experiment, [used]).values()
    with Image.open(io.BytesIO(here)) as image:
        key = image.info["Comment"]
    assert draw_elsewhere(used, experiment.seeds[0], key) == here


def test_a_picture_of_an_earlier_report_stays_where_the_data_are_not_here(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, other = digits(load, CHAINS[0]), digits(load, CHAINS[1])
    used = data_sets(experiment, ())
    earlier = list(pictures(experiment, used).values())
    monkeypatch.setattr(examples, "why_not_ready", lambda *_: "it is not here")
    assert pictures(experiment, used, [b"no picture", *earlier]) == {0: earlier[0]}
    assert pictures(experiment, used) == {}
    assert pictures(other, data_sets(other, ()), earlier) == {}


def test_what_cannot_be_read_costs_no_report(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train" / "a").mkdir(parents=True)
    (tmp_path / "test" / "a").mkdir(parents=True)
    for split in ("train", "test"):
        (tmp_path / split / "a" / "1.png").write_bytes(b"broken")
    experiment = load(runs={"one": {"dataset": {"name": "image_folder", "path": str(tmp_path)}}})
    assert pictures(experiment, data_sets(experiment, ())) == {}
    assert "the examples of image_folder are not shown" in capsys.readouterr().err


def test_points_have_a_picture_too(load: Load) -> None:
    noisy = Component("noisy_copies", {"copies": 2, "deviation": 0.1})
    given = [{"name": noisy.name, **noisy.parameters}]
    runs = {"one": {"dataset": {"name": "blobs", "randomize": given}}}
    experiment = load(runs=runs)
    (image,) = pictures(experiment, data_sets(experiment, ())).values()
    assert image.startswith(b"\x89PNG")
