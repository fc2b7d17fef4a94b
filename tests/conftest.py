"""What all tests share: a quiet TensorFlow, and data that are prepared in a folder of the test session's own."""

import os
import sys
from collections.abc import Iterator

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session", autouse=True)
def _prepared_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("prepared")))
        yield


@pytest.fixture(autouse=True)
def _seeded_backend() -> None:
    """Once a run has made operations deterministic, TensorFlow refuses random ones without a seed."""
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(0)
