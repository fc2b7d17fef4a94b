from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data import archives, catalog
from harness.data.origins import ImageArchive
from harness.experiment import Component, Dataset, Json


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for the session: what is prepared once need not be prepared again."""
    return tmp_path_factory.mktemp("tfds")


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))


@pytest.fixture(scope="session")
def real_archive() -> Path:
    archive = catalog.of_origin(ImageArchive)["cifar10_jpeg"].find()
    if archive is None:
        pytest.skip("the real archive cifar10_jpeg.tar.gz is in no archive folder")
    return archive.resolve()


@pytest.fixture(scope="session")
def unpacked_cifar10(real_archive: Path, data_dir: Path) -> Path:
    return archives.import_archive("cifar10_jpeg", real_archive, data_dir)


@pytest.fixture
def dataset() -> Callable[..., Dataset]:
    def make(
        name: str, train: int | None = None, test: int | None = None, **parameters: Json
    ) -> Dataset:
        return Dataset(Component(name, parameters), train, test, None, ())

    return make
