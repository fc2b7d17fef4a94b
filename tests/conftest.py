"""What all tests share: their order, a quiet TensorFlow, prepared data, pretended runs."""

# ruff: noqa: E402 - bytecode is kept from the first import on

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

# Without it, dozens of processes would each compile the harness, and its tests, anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

import pytest

from harness.data import catalog
from harness.metrics import HISTORY
from harness.plan import Member, make_plan
from harness.spec.load import load_file
from harness.store.staleness import present
from harness.store.store import Store
from harness.system import files
from tests.support import plots
from tests.support.person import another, person, person_in
from tests.support.plots import drawn_plots

pytest_plugins = ["pytester", "tests.support.programs"]

__all__ = ["another", "drawn_plots", "person", "person_in"]  # fixtures

Pretend = Callable[[Path, Path, Mapping[str, Mapping[str, Sequence[float | None]]]], None]

LONGEST = (
    "runner/test_cluster.py",
    "runner/test_adverse.py",
    "test_pytest_plugin.py",
    "test_benchmarks.py",
    "training/test_backends.py",
    "specs/test_shipped.py",
    "docs/test_extending_training.py",
    "runner/test_worker_processes.py",
    "training/test_one_step.py",
    "runner/test_repeatable.py",
    "training/test_fit.py",
    "models/test_against_pytorch.py",
    "runner/test_session.py",
    "test_backend.py",
    "runner/test_child_process.py",
    "runner/test_interrupt.py",
    "cli/test_damaged_records.py",
    "runner/test_kills.py",
    "runner/test_replay.py",
    "runner/test_faults.py",
    "report/test_write.py",
    "report/test_examples.py",
    "runner/test_roots.py",
    "data/test_loading.py",
    "docs/test_docs.py",
    "test_interface.py",
    "judging/test_sequential.py",
    "cli/test_drift.py",
)
"""The modules that take longest begin first: none is left for one worker at the end."""

TOGETHER = ("data/test_loading.py", "data/test_archives.py")
"""Modules for the same worker, since both unpack an archive of 60,000 images, once a worker."""

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first, in every process alike."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the garbage collector look no more at what stays until the end: all tests, TensorFlow."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a worker whole modules, whose fixtures are then made once; `--dist` overrules it."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Modules(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module: str = super()._split_scope(nodeid)
            return TOGETHER[0] if module.endswith(TOGETHER) else module

    config.option.loadscopereorder = False
    return Modules(config, log)


@pytest.fixture(scope="session", autouse=True)
def _prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("prepared")))
        patch.delenv("GITHUB_ACTIONS", raising=False)  # the commands say more there
        yield


@pytest.fixture(autouse=True)
def _seeded_backend() -> None:
    """Once a run has made operations deterministic, TensorFlow refuses random ones without a
    seed.
    """
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(0)


@pytest.fixture
def pretend() -> Pretend:
    """Store runs of a specification as if they had been made: by run and metric, a value for each
    seed.
    """

    def make(
        spec: Path, root: Path, numbers: Mapping[str, Mapping[str, Sequence[float | None]]]
    ) -> None:
        experiment, store = load_file(spec), Store(root)
        plan = make_plan([experiment], catalog.data_dir(), gpus=0)
        store.prepare()
        for run, metrics in numbers.items():
            for index, seed in enumerate(experiment.seeds):
                key = plan.members[Member(experiment.name, run, seed)]
                row = dict.fromkeys(["seconds", "learning_rate", *HISTORY], 0.5)
                store.finish(
                    key,
                    run={
                        "experiment": experiment.name,
                        "run": run,
                        "seed": seed,
                        "parent": plan.runs[key].parent,
                    }
                    | {"settings": plan.runs[key].run.resolved},
                    history=[{"epoch": epoch, "step": epoch} | row for epoch in (0, 1)],
                    measurements={metric: values[index] for metric, values in metrics.items()},
                    environment={
                        "environment": {"device": "CPU"},
                        "seconds": 2.0,
                        "images_per_second": 1.0,
                        "parameters": 3,
                        "code": present("tensorflow").to_json(),
                    },
                    files={},
                )

    return make


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """Count how often each file is opened to be read."""
    found: Counter[Path] = Counter()
    real = files.open_regular

    def counting(path: Path) -> BufferedReader:
        found[path] += 1
        return real(path)

    monkeypatch.setattr(files, "open_regular", counting)
    return found


@pytest.fixture(autouse=True, scope="session")
def _images_are_blank() -> Iterator[None]:
    """Draw plots and examples for reports only in tests that use `drawn_plots`."""
    with plots.blank():
        yield
