from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from harness import backend
from harness.backend import BackendError, _hidden, _quietly, prepare_backend
from tests.support.person import Person


def test_no_log_reaches_a_person_and_another_process_gives_the_same_bits(
    person: Person, another: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment says nothing about logs, and the person likes another backend."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    (person.folder / "keras.json").write_text('{"backend": "torch"}')
    monkeypatch.setenv("KERAS_HOME", str(person.folder))
    monkeypatch.setenv("TFDS_DATA_DIR", str(person.folder / "data"))
    spec = person.spec()
    output, errors = person.start(spec).communicate(timeout=120)
    assert errors == ""
    lines = [line.split()[0] for line in output.splitlines() if line.strip()]
    assert lines == ["✓", "tiny:", "verdict", "report:"]
    assert another.run(spec).exit_code == 0
    assert person.same(another, person.keys(spec)["random"])


@pytest.mark.parametrize(
    ("said", "expected"), [(None, "tensorflow"), ("", "tensorflow"), ("jax", "jax")]
)
def test_the_environment_chooses(
    said: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if said is not None:
        monkeypatch.setenv("KERAS_BACKEND", said)
    assert backend.chosen() == expected


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("torch", "error: KERAS_BACKEND is 'torch'; the backends are tensorflow and jax\n"),
        (
            "jax",
            "error: KERAS_BACKEND is 'jax', but JAX is not installed: pip install -e '.[jax]'\n",
        ),
    ],
)
def test_an_environment_that_cannot_be_is_a_fault_of_usage(
    said: str, message: str, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("KERAS_BACKEND", said)
    result = person.run(person.spec())
    assert (result.exit_code, result.stderr) == (2, message)


def test_a_process_without_a_backend_takes_the_default_where_a_run_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert backend.backend_here("jax", {"jax"}) == "tensorflow"  # which this process has
    monkeypatch.delitem(sys.modules, "keras")
    assert backend.backend_here("tensorflow", {"jax", "tensorflow"}) == "tensorflow"
    assert backend.backend_here("jax", set()) == "jax"
    assert backend.backend_here("tensorflow", {"jax"}) == "jax"


def test_only_jax_shares_a_batch_among_devices(person: Person) -> None:
    result = person.run(person.spec(), "--devices", "all")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "error: only JAX shares a batch among devices: KERAS_BACKEND=jax. "
    )
    with pytest.raises(BackendError, match="only JAX"):
        backend.check_devices(2, "tensorflow")
    backend.check_devices(None, "jax")
    result = person.run(person.spec(), "--devices", "2", "-j", "2")
    assert (result.exit_code, "give one of them" in result.stderr) == (2, True)
    result = person.run(person.spec(), "--devices", "0")
    assert (result.exit_code, "a number from 1 on, or all, found '0'" in result.stderr) == (2, True)


def test_jax_from_the_front_door_shares_batches_and_says_so(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jax", reason="JAX is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    monkeypatch.setenv("XLA_FLAGS", flags)
    images = {"model": {"name": "convnet", "hidden": None, "width": 2}}
    spec = person.spec(runs={"shared": images, "small": {}})
    output, errors = person.start(spec, "--devices", "all").communicate(timeout=200)
    assert errors == ""
    assert output.count("✓") == 2
    for run, devices in {"shared": "4", "small": None}.items():
        file = person.store.folder(person.keys(spec)[run]) / "environment.json"
        told = json.loads(file.read_text())["environment"]
        assert (told["backend"], told["deterministic"], told.get("devices")) == (
            "jax",
            "yes",
            devices,
        )
    process = person.start(spec, "--devices", "5")
    assert (
        process.communicate(timeout=60)[1]
        == "error: 5 devices were asked for, but this machine has 4 that JAX can use\n"
    )
    assert process.returncode == 2


def test_a_person_s_own_number_format_is_overruled() -> None:
    keras.config.set_floatx("float16")
    keras.config.set_image_data_format("channels_first")
    prepare_backend()
    assert (keras.config.floatx(), keras.config.image_data_format()) == ("float32", "channels_last")
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("fails", "heard"), [(False, b"after\n"), (True, b"before\nafter\n")])
def test_what_an_import_writes_is_shown_if_it_fails(
    fails: bool, heard: bytes, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    try:
        with _quietly():
            os.write(2, b"before\n")
            if fails:
                raise ImportError("a library is missing")
    except ImportError:
        assert fails
    os.write(2, b"after\n")
    assert capfdbinary.readouterr().err == heard


def test_the_session_imports_no_tensorflow_before_it_must() -> None:
    code = (
        "import sys, harness.runner.session; sys.exit('tensorflow' in sys.modules or 'keras' in"
        " sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_packages_are_missing_for_the_imports_of_the_block_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_wrapped_package.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with _hidden({"a_wrapped_package", "json"}):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("a_wrapped_package")
        assert importlib.import_module("json") is json  # it was there already
    assert importlib.import_module("a_wrapped_package").__name__ == "a_wrapped_package"


def test_keras_brings_along_no_package_that_only_its_wrappers_use() -> None:
    program = (
        "import sys\n"
        "from harness.backend import import_backend\n"
        "import_backend()\n"
        "print(sorted({'jax', 'matplotlib', 'sklearn'} & set(sys.modules)))\n"
        "import sklearn, matplotlib"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"


def test_a_function_that_is_traced_for_many_programs_is_no_warning() -> None:
    program = (
        "from harness.backend import import_backend\n"
        "import_backend()\n"
        "import tensorflow as tf\n"
        "for n in range(12):\n"
        "    tf.function(lambda x: x + 1)(tf.zeros(n))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
