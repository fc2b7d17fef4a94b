import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from harness.data import catalog
from harness.spec import schema


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return folder


def test_importing_it_imports_no_heavy_library() -> None:
    code = "import sys, harness.data.catalog; print(sorted({m.split('.')[0] for m in sys.modules}))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("numpy", "tensorflow", "tensorflow_datasets", "sklearn", "keras", "scipy"):
        assert repr(heavy) not in modules


def test_data_dir_is_the_environment_variable_or_the_default_of_tfds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert catalog.data_dir() == tmp_path
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert catalog.data_dir() == Path.home() / "tensorflow_datasets"


@pytest.mark.parametrize("name", ["digits", "blobs"])
def test_what_is_made_here_is_never_missing(name: str, tmp_path: Path) -> None:
    assert catalog.SOURCES[name].missing({}, tmp_path) is None
    assert catalog.SOURCES[name].fingerprint({}, tmp_path) is None


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "mnist", "fashion_mnist"])
def test_a_catalogue_dataset_is_ready_when_a_version_is_whole(name: str, tmp_path: Path) -> None:
    missing = catalog.SOURCES[name].missing
    put(tmp_path / name, "incomplete.ABC_3.0.2/dataset_info.json", "3.0.2/features.json")
    assert f"python -m harness data prepare {name}" in (missing({}, tmp_path) or "")
    put(tmp_path / name, "3.0.2/dataset_info.json")
    assert missing({}, tmp_path) is None


def test_an_image_folder_says_what_it_lacks(tmp_path: Path) -> None:
    source = catalog.SOURCES["image_folder"]
    folder = tmp_path / "images"
    assert "does not exist" in (source.missing({"path": str(folder)}, tmp_path) or "")
    put(folder, "train/a/1.png", "test/a/readme.txt")
    assert "no test images" in (source.missing({"path": str(folder)}, tmp_path) or "")
    put(folder, "test/a/2.JPG")
    assert source.missing({"path": str(folder)}, tmp_path) is None
    assert source.location_parameters == ("path",)


def test_an_image_folder_is_known_by_its_names_and_sizes(tmp_path: Path) -> None:
    fingerprint = catalog.SOURCES["image_folder"].fingerprint
    one = put(tmp_path / "one", "train/b/1.png", "train/a/2.png", "test/a/3.jpg", "notes.txt")
    two = put(tmp_path / "two", "test/a/3.jpg", "train/a/2.png", "train/b/1.png")
    lines = "test/a/3.jpg\0005\ntrain/a/2.png\0005\ntrain/b/1.png\0005\n"
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert fingerprint({"path": str(one)}, tmp_path) == expected
    assert fingerprint({"path": str(two)}, tmp_path) == expected
    (two / "train/b/1.png").write_bytes(b"123456")
    assert fingerprint({"path": str(two)}, tmp_path) != expected
    assert fingerprint({"path": str(tmp_path / "none")}, tmp_path) is None


def test_an_archive_is_ready_when_it_is_found_or_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = catalog.SOURCES["cifar10_jpeg"]
    data_dir, empty, full = tmp_path / "data", tmp_path / "empty", tmp_path / "full"
    monkeypatch.setenv("HARNESS_ARCHIVES", f"{empty}")
    assert "python -m harness data import cifar10_jpeg ARCHIVE" in (source.missing({}, data_dir) or "")
    put(data_dir / "harness" / "cifar10_jpeg", "train/cat/0000.jpg")
    assert source.missing({}, data_dir) is not None
    put(data_dir / "harness" / "cifar10_jpeg", "complete")
    assert source.missing({}, data_dir) is None

    put(full, "cifar10_jpeg.tar.gz")
    monkeypatch.setenv("HARNESS_ARCHIVES", f"{empty}:{full}")
    assert catalog.find_archive("cifar10_jpeg") == full / "cifar10_jpeg.tar.gz"
    assert source.missing({}, tmp_path / "other") is None
    assert source.fingerprint({}, data_dir) == catalog.ARCHIVES["cifar10_jpeg"].sha256


def test_a_folder_name_that_no_system_takes_is_a_missing_folder(tmp_path: Path) -> None:
    missing = catalog.SOURCES["image_folder"].missing({"path": str(tmp_path / ("x" * 5000))}, tmp_path)
    assert missing is not None
    assert "does not exist" in missing


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A data folder and an archive folder, both empty."""
    archives = tmp_path / "archives"
    archives.mkdir()
    monkeypatch.setenv("HARNESS_ARCHIVES", str(archives))
    return tmp_path / "data", archives


def test_a_manual_dataset_tells_where_its_archives_must_lie_and_what_comes_then(folders: tuple[Path, Path]) -> None:
    data_dir, archives = folders
    missing = catalog.SOURCES["restricted_imagenet"].missing
    first = missing({"size": 64}, data_dir) or ""
    assert "no archive folder has ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar" in first
    assert f"bring them from https://image-net.org/download-images to {data_dir}/downloads/manual" in first
    assert first.endswith("then: python -m harness data prepare restricted_imagenet --set size=64")
    put(archives, "ILSVRC2012_img_train.tar")
    assert catalog.find_manual("restricted_imagenet", data_dir) is None
    put(archives, "ILSVRC2012_img_val.tar")
    assert f"its archives are in {archives}: python -m harness data prepare" in (missing({"size": 64}, data_dir) or "")
    put(data_dir / "downloads/manual", "ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar")
    assert catalog.find_manual("restricted_imagenet", data_dir) == data_dir / "downloads/manual"
    put(data_dir / "restricted_imagenet/64x64", "1.0.0/dataset_info.json")
    assert missing({"size": 64}, data_dir) is None
    assert missing({"size": 65}, data_dir) is not None
    assert catalog.SOURCES["restricted_imagenet"].fingerprint({"size": 64}, data_dir) is None


def test_a_manual_dataset_without_sizes_is_ready_when_a_version_is_whole(folders: tuple[Path, Path]) -> None:
    data_dir, _ = folders
    missing = catalog.SOURCES["cinic10"].missing
    put(data_dir / "cinic10", "incomplete.ABC_1.0.0/dataset_info.json")
    assert "python -m harness data prepare cinic10" in (missing({}, data_dir) or "")
    put(data_dir / "cinic10", "1.0.0/dataset_info.json")
    assert missing({}, data_dir) is None


def test_the_default_size_is_that_of_the_schema() -> None:
    filled = schema.fill_defaults(schema.definition("dataset"), {"name": "restricted_imagenet"})
    assert filled["size"] == catalog.RESTRICTED_IMAGENET_SIDE == catalog.MANUAL["restricted_imagenet"].side


def test_a_status_tells_what_is_there(folders: tuple[Path, Path]) -> None:
    data_dir, archives = folders
    empty = catalog.status("cinic10", data_dir)
    assert (empty.folder, empty.prepared_bytes, empty.found) == (data_dir / "cinic10", 0, ())
    assert empty.archives == ("CINIC-10.tar.gz",)
    assert empty.searched == (data_dir / "downloads/manual", archives)
    put(archives, "CINIC-10.tar.gz", "cifar10_jpeg.tar.gz")
    put(data_dir / "cinic10/1.0.0", "dataset_info.json", "labels-train.npy")
    there = catalog.status("cinic10", data_dir)
    assert (there.prepared_bytes, there.found, there.missing) == (10, (archives / "CINIC-10.tar.gz",), None)

    packed = catalog.status("cifar10_jpeg", data_dir)
    assert (packed.folder, packed.searched) == (data_dir / "harness/cifar10_jpeg", (archives,))
    assert (packed.found, packed.missing) == ((archives / "cifar10_jpeg.tar.gz",), None)


@pytest.mark.parametrize("name", catalog.SOURCES)
def test_every_dataset_has_a_status(name: str, folders: tuple[Path, Path]) -> None:
    data_dir, _ = folders
    status = catalog.status(name, data_dir)
    assert (status.folder is None) == (name == "image_folder")
    if status.folder is not None:
        assert status.missing == catalog.SOURCES[name].missing({}, data_dir)
    assert not data_dir.exists()


def test_without_a_home_folder_data_lie_beside_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_number: int) -> None:
        raise KeyError

    for name in ("HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert catalog.data_dir() == Path(".harness/tensorflow_datasets")
