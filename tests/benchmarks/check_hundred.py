"""How long `check` takes for a hundred experiments of six runs each: python tests/benchmarks/check_hundred.py."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.data import catalog
from harness.measurements import METRICS
from harness.plan import make_plan
from harness.spec.load import load
from harness.store import Store

EXPERIMENTS, EPOCHS, REPEATS = 100, 50, 5


def specification(index: int) -> dict[str, object]:
    sources = {"basis": "claim", "source": "none"}
    return {
        "name": f"e{index}",
        "title": f"Experiment {index}",
        "seeds": [0, 1, 2],
        "defaults": {
            "dataset": {"name": "digits"},
            "model": {"name": "perceptron"},
            "training": {"optimizer": {"name": "sgd", "learning_rate": 0.001 * (index + 1)}, "epochs": EPOCHS},
        },
        "runs": {"random": {"matrix": {"regularizers": [[], ["momentum"]]}}},
        "expectations": [
            {"id": "fits", "metric": "random[*].train_accuracy", "at_least": 0.5, "statistic": "every"} | sources,
            {"id": "gains", "metric": "random[momentum].steps - random[none].steps", "at_most": 9.0} | sources,
        ],
    }


def pretend(folder: Path) -> None:
    """Write the specifications, and runs as if they had been made."""
    (folder / "specs").mkdir()
    for index in range(EXPERIMENTS):
        (folder / "specs" / f"e{index}.json").write_text(json.dumps(specification(index), indent=1))
    store = Store(folder / "store")
    store.prepare()
    for key, run in make_plan(load([folder / "specs"]), catalog.data_dir(), gpus=0).runs.items():
        numbers = dict.fromkeys(METRICS, 0.75 + 0.01 * run.seed)
        store.finish(
            key,
            run={"experiment": run.experiment, "run": run.run.name, "seed": run.seed, "parent": None, "settings": {}},
            history=[{"epoch": epoch, "step": epoch} | numbers for epoch in range(EPOCHS + 1)],
            measurements=numbers,
            environment={"environment": {}, "seconds": 1.0, "images_per_second": 1.0, "parameters": 1},
            files={},
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        pretend(Path(name))
        command = [sys.executable, "-m", "harness", "check", "specs", "--store", "store"]
        for _ in range(REPEATS):
            begin = time.perf_counter()
            subprocess.run(command, cwd=name, check=True, stdout=subprocess.DEVNULL)
            print(f"{time.perf_counter() - begin:.2f} s")


if __name__ == "__main__":
    main()
