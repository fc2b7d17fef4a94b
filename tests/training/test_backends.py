"""JAX against TensorFlow: from the same initial weights on the same batches, to the same
numbers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import filelock
import numpy as np
import pytest

from tests.training.backend_cases import CASES, RUNS, Arrays

REPOSITORY = Path(__file__).parents[2]

TOLERANCE = 1e-5
"""Weights, losses and accuracies are of the size of one, where float32 rounds to 6e-8; in a few
steps, sums of hundreds of terms in another order add up to some of these. Seen are 2e-6 at most."""

COARSE = 0.02
"""bfloat16 rounds to 0.004 where float32 rounds to 6e-8."""


@pytest.fixture(scope="session")
def jax_results(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Arrays:
    """What a process with JAX and four simulated devices computed; the workers of a session share
    one.
    """
    pytest.importorskip("jax", reason="JAX is not installed: pip install -e '.[jax]'")
    base = tmp_path_factory.getbasetemp()
    path = (base if worker_id == "master" else base.parent) / "jax.npz"
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    with filelock.FileLock(f"{path}.lock"):
        if not path.exists():
            command = [sys.executable, "-m", "tests.training.backend_cases", str(path)]
            environment = {**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags}
            subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize("case", CASES)
def test_both_backends_agree(case: str, jax_results: Arrays) -> None:
    for name, expected in CASES[case]().items():
        tolerance = COARSE if case.startswith("bfloat16") else TOLERANCE
        found = jax_results[f"{case}:{name}"]
        assert found.dtype == expected.dtype or name.startswith("non_trainable")
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=name)


def test_the_cases_move_weights_and_stop_early(jax_results: Arrays) -> None:
    assert jax_results["run-streamed-keep:history/distance"][-1] > 0.1
    for case in RUNS:
        last = jax_results[f"run-{case}:history/epoch"][-1]
        assert 4 < last < 60 if case.endswith(("stop", "early")) else last == 4
    assert (
        jax_results["ends-compiled:at"].tolist()
        == jax_results["ends-device:at"].tolist()
        == jax_results["ends-streamed:at"].tolist()
        == [1, 2]
    )


def test_the_same_run_has_the_same_bits_and_so_has_a_resumed_one(jax_results: Arrays) -> None:
    assert jax_results["alone:same_bits"].tolist() == [True] * 2
    assert jax_results["alone:resumed"].tolist() == [True] * 5


def test_no_layer_computes_in_float64(jax_results: Arrays) -> None:
    assert jax_results["alone:wide"].tolist() == []


def test_seeds_and_strengths_share_a_program(jax_results: Arrays) -> None:
    assert jax_results["alone:traces"] == 1


def test_batches_shared_among_devices_give_the_same(jax_results: Arrays) -> None:
    """Batch normalization over whole batches, and a last batch of three for four devices."""
    assert [int(jax_results[f"alone:used{asked}"]) for asked in (1, 4)] == [1, 4]
    names = [name for name in jax_results if name.startswith("alone:devices4/")]
    assert len(names) > 40
    for name in names:
        one = jax_results[name.replace("devices4", "devices1")]
        np.testing.assert_allclose(
            jax_results[name], one, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name
        )


def test_batches_are_the_same_in_a_program_of_jax_and_in_tf_data(jax_results: Arrays) -> None:
    """Bit by bit; where a mean of numbers that are not whole is taken, which sums in another order,
    to some roundings of float32.
    """
    names = [name for name in jax_results if name.startswith("alone:batch/")]
    streamed = [name for name in names if "/streamed/" in name]
    assert len(streamed) == len(names) / 2 >= 11
    for name in streamed:
        expected, found = jax_results[name], jax_results[name.replace("streamed", "compiled")]
        assert found.dtype == expected.dtype
        rounds = "contrast" in name or "standardized" in name
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * rounds, err_msg=name)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("perceptron/random_crop", 0), ("perceptron/mixup", 0), ("convnet/random_crop", 1e-6)],
)
def test_training_on_the_device_is_as_training_streamed(
    name: str, tolerance: float, jax_results: Arrays
) -> None:
    """Bit by bit, but for the gradients of convolutions: in a loop, XLA sums them in another order
    over images and pixels. Sums of losses are float64, in another order.
    """
    streamed = f"alone:way/{name}/streamed/"
    names = [each.removeprefix(streamed) for each in jax_results if each.startswith(streamed)]
    assert len(names) > 20
    moved = 0.0
    for each in names:
        expected = jax_results[streamed + each]
        found = jax_results[f"alone:way/{name}/on the device/{each}"]
        exact = tolerance or (1e-12 if each.endswith("loss") else 0)
        np.testing.assert_allclose(found, expected, rtol=exact, atol=exact, err_msg=each)
        moved = max(moved, np.abs(expected).max())
    assert moved > 0.1


def test_the_memory_of_an_accelerator_is_what_it_tells_or_little(jax_results: Arrays) -> None:
    told, untold, on_cpu = jax_results["alone:memories"]
    assert (told, untold) == (700, 4 * 2**30)
    assert np.isnan(on_cpu)
