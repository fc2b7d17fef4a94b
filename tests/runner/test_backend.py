from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import keras
import pytest

from harness.runner.backend import _unless_it_fails, prepare_backend

if TYPE_CHECKING:
    from tests.runner.conftest import Person


def test_no_log_reaches_a_person_and_another_process_gives_the_same_bits(
    person: Person, another: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process whose environment asks for another backend and says nothing about logs."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("TFDS_DATA_DIR", str(person.folder / "data"))
    spec = person.spec()
    output, errors = person.start(spec).communicate(timeout=120)
    assert errors == ""
    lines = [line.split()[0] for line in output.splitlines() if line.strip()]
    assert lines == ["✓", "tiny:", "verdict", "report:"]
    assert another.run(spec).exit_code == 0
    assert person.same(another, person.keys(spec)["random"])


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
        with _unless_it_fails():
            os.write(2, b"before\n")
            if fails:
                raise ImportError("a library is missing")
    except ImportError:
        assert fails
    os.write(2, b"after\n")
    assert capfdbinary.readouterr().err == heard


def test_the_session_imports_no_tensorflow_before_it_must() -> None:
    code = "import sys, harness.runner.session; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
