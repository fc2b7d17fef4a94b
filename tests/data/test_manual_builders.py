"""The datasets that are made from archives which a person brings, on archives made here."""

import io
import os
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from harness.data import availability, catalog, loading, prepared, preparing, rows
from harness.data.builders import cinic10, restricted_imagenet
from harness.data.builders.cinic10 import Cinic10
from harness.data.builders.restricted_imagenet import (
    RANGES,
    RestrictedImagenet,
    square,
    super_classes,
)
from harness.data.facts import Facts
from harness.data.origins import ManualArchives
from harness.data.records import DataError, Examples
from harness.data.rows import whole
from harness.experiment import Component, Dataset


def encoded(image: np.ndarray, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(
        file, form, **({"quality": 95, "subsampling": 0} if form == "JPEG" else {})
    )
    return file.getvalue()


def smooth(seed: int, height: int, width: int) -> np.ndarray:
    """A colour picture without edges, so that ways to make it smaller differ little."""
    corners = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(corners).resize((width, height), Image.Resampling.BICUBIC))


def pack(path: Path, members: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def tar(members: Mapping[str, bytes]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pack(Path(folder) / "inner.tar", members)
        return (Path(folder) / "inner.tar").read_bytes()


def cinic10_image(split: str, label: str, index: int) -> np.ndarray:
    seed = [sum(split.encode()), cinic10.CLASSES.index(label), index]
    return np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def pack_cinic10(folder: Path, images: int = 2) -> None:
    """Two classes with `images` images each in every split; one grey image, and files that are no
    images of the set.
    """
    members = {
        "README.md": b"read me",
        "train/airplane/._00.png": b"not an image",
        "train/airplane/notes.txt": b"",
    }
    for split in ("test", "train", "valid"):
        for label in ("truck", "airplane"):
            for index in range(images):
                image = cinic10_image(split, label, index)
                grey = (split, label, index) == ("test", "truck", 0)
                members[f"./{split}/{label}/{index:02d}.png"] = encoded(
                    image[..., 0] if grey else image
                )
    pack(folder / cinic10.ARCHIVE, members)


SYNSETS = ["n02085620", "n02123045", "n01632777", "n01440764", "n02007558"]
"""A dog (class 151), a cat (281), an amphibian and a fish of no super-class (29, 0), a bird of none
(130).
"""


def imagenet_image(name: str) -> np.ndarray:
    seed = sum(name.encode())
    return smooth(seed, 300 + seed % 60, 280)


def pack_imagenet(folder: Path, validation: int = 12) -> None:
    """Two images of each of these classes, and the first validation images."""
    archives = {}
    for synset in SYNSETS:
        names = [f"{synset}_{number}.JPEG" for number in (7, 12)]
        archives[f"{synset}.tar"] = tar(
            {name: encoded(imagenet_image(name), "JPEG") for name in names}
        )
    pack(folder / restricted_imagenet.TRAIN_ARCHIVE, archives)
    names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(validation, 0, -1)]
    pack(
        folder / restricted_imagenet.TEST_ARCHIVE,
        {name: encoded(imagenet_image(name), "JPEG") for name in names},
    )


# The first labels of TFDS's list: classes 65, 970, 230, 809, 516, 57, 334, 415, 674, 332, 109, 286;
# 230 is a dog.
VALIDATION_DOGS = ["ILSVRC2012_val_00000003.JPEG"]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cinic10, "IMAGES", 4)
    monkeypatch.setattr(RestrictedImagenet, "SYNSETS", 2)
    monkeypatch.setattr(RestrictedImagenet, "TEST_IMAGES", 12)


class FromArchives(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own checks of a builder, on archives that `pack` makes."""

    __test__ = False

    @classmethod
    def setUpClass(cls) -> None:
        cls.EXAMPLE_DIR = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.pack(cls.EXAMPLE_DIR)
        super().setUpClass()

    @staticmethod
    def pack(folder: Path) -> None:
        raise NotImplementedError


class Cinic10Test(FromArchives):
    __test__ = True
    DATASET_CLASS = Cinic10
    SPLITS: ClassVar = {"train": 4, "validation": 4, "test": 4}
    pack = staticmethod(pack_cinic10)


class RestrictedImagenetTest(FromArchives):
    __test__ = True
    DATASET_CLASS = RestrictedImagenet
    SPLITS: ClassVar = {"train": 4, "test": 1}
    pack = staticmethod(pack_imagenet)


@pytest.fixture
def manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archives, in an archive folder."""
    folder = tmp_path / "archives"
    folder.mkdir()
    pack_cinic10(folder)
    pack_imagenet(folder)
    monkeypatch.setenv("HARNESS_ARCHIVES", str(folder))
    small = {"cinic10": (32, 10, 4, 4), "restricted_imagenet": (40, 9, 4, 1)}
    for name, (side, classes, train, test) in small.items():
        info = replace(catalog.DATASETS[name], facts=Facts((side, side, 3), classes, train, test))
        monkeypatch.setitem(catalog.DATASETS, name, info)
    return folder


def load(name: str, data_dir: Path, train: int | None = None, **parameters: int) -> Examples:
    return loading.read(Dataset(Component(name, parameters), train, None, None, ()), data_dir)


def test_cinic10_is_prepared_from_its_archive_and_read(
    manual: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "data"
    with pytest.raises(
        DataError, match=r"its archives are in .*: python -m harness data prepare cinic10"
    ):
        load("cinic10", data_dir)
    preparing.prepare("cinic10", {}, data_dir)
    assert capsys.readouterr().out == ""
    examples = load("cinic10", data_dir)
    assert examples.classes == cinic10.CLASSES
    assert examples.maximum == 255.0
    for split, found in (("train", examples.train), ("test", examples.test)):
        wanted = {}
        for label in ("airplane", "truck"):
            for index in range(2):
                image = cinic10_image(split, label, index)
                if (split, label, index) == ("test", "truck", 0):
                    image = np.repeat(image[..., :1], 3, axis=-1)
                wanted[image.tobytes()] = cinic10.CLASSES.index(label)
        assert isinstance(found.inputs, np.ndarray)  # small enough
        assert {
            image.tobytes(): label for image, label in zip(found.inputs, found.labels, strict=True)
        } == wanted
    preparing.prepare("cinic10", {}, data_dir)  # and again: nothing to do


def test_the_order_does_not_depend_on_that_of_the_archive(manual: Path, tmp_path: Path) -> None:
    preparing.prepare("cinic10", {}, tmp_path / "one")
    with tarfile.open(manual / cinic10.ARCHIVE) as archive:
        members = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    pack(manual / cinic10.ARCHIVE, dict(reversed(members.items())))
    preparing.prepare("cinic10", {}, tmp_path / "two")
    one, two = (load("cinic10", tmp_path / name).train for name in ("one", "two"))
    np.testing.assert_array_equal(one.inputs, two.inputs)
    np.testing.assert_array_equal(one.labels, two.labels)


def test_what_does_not_fit_is_read_by_index(
    manual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    preparing.prepare("cinic10", {}, data_dir)
    in_memory = load("cinic10", data_dir)
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 2 * 3072)
    late, part = load("cinic10", data_dir), load("cinic10", data_dir, train=2)
    assert not isinstance(late.train.inputs, np.ndarray)
    assert (late.train.inputs.shape, late.train.inputs.dtype) == (
        (4, 32, 32, 3),
        np.dtype(np.uint8),
    )
    np.testing.assert_array_equal(late.train.labels, in_memory.train.labels)
    for indices in ([2, 0, 3, 2], [1], []):
        found = rows.take(late.train.inputs, np.array(indices, np.int32))
        np.testing.assert_array_equal(
            found, whole(in_memory.train.inputs)[np.array(indices, np.int32)]
        )
    assert isinstance(part.train.inputs, np.ndarray)


def test_labels_are_kept_beside_the_records(
    manual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    preparing.prepare("cinic10", {}, data_dir)
    file = data_dir / "cinic10/1.0.0/labels-train-label.npz"
    kept = np.load(file)["labels"]
    assert kept.dtype == np.int64
    file.unlink()
    monkeypatch.setattr(prepared, "READ_BYTES", 3 * 3072)
    np.testing.assert_array_equal(load("cinic10", data_dir).train.labels, kept)
    np.testing.assert_array_equal(np.load(file)["labels"], kept)
    assert {path.name for path in file.parent.glob("labels*")} == {
        "labels-train-label.npz",
        "labels-test-label.npz",
    }


@pytest.mark.parametrize("way", ["of other records", "flipped", "cut off", "another form"])
def test_labels_that_were_kept_of_something_else_are_not_taken(
    manual: Path, tmp_path: Path, way: str
) -> None:
    preparing.prepare("cinic10", {}, tmp_path)
    wanted = load("cinic10", tmp_path).train.labels
    file = tmp_path / "cinic10/1.0.0/labels-train-label.npz"
    content = file.read_bytes()
    if way == "of other records":
        np.savez(file, labels=9 - wanted, content=np.array("0" * 64))
    elif way == "flipped":
        place = content.index(wanted.astype(np.int64).tobytes())
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif way == "cut off":
        file.write_bytes(content[: len(content) // 2])
    else:
        np.savez(file, other=wanted)
    np.testing.assert_array_equal(load("cinic10", tmp_path).train.labels, wanted)
    np.testing.assert_array_equal(np.load(file)["labels"], wanted)


def test_damaged_records_are_named(manual: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    preparing.prepare("cinic10", {}, data_dir)
    (records,) = (data_dir / "cinic10/1.0.0").glob("*-train.array_record*")
    records.write_bytes(records.read_bytes()[: records.stat().st_size // 2])
    with pytest.raises(DataError, match=r"cannot read .*cinic10"):
        load("cinic10", data_dir)


def test_records_that_change_while_they_are_read_are_an_error(
    manual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preparing.prepare("cinic10", {}, tmp_path)
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 2 * 3072)
    late = load("cinic10", tmp_path).train.inputs
    (records,) = (tmp_path / "cinic10/1.0.0").glob("*-train.array_record*")
    os.utime(records)
    with pytest.raises(
        DataError, match=r"train\.array_record.* was changed after the run was planned"
    ):
        rows.take(late, np.array([0]))


def test_another_file_format_is_not_read(manual: Path, tmp_path: Path) -> None:
    builder = Cinic10(data_dir=str(tmp_path / "data"), file_format="tfrecord")
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual))
    with pytest.raises(DataError, match="prepared in another way than array_record"):
        load("cinic10", tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "attribute", "message"),
    [
        ("cinic10", "IMAGES", r"CINIC-10\.tar\.gz has 4 train images instead of 5"),
        ("restricted_imagenet", "SYNSETS", r"img_train\.tar has 2 of the 5 classes"),
        ("restricted_imagenet", "TEST_IMAGES", r"img_val\.tar has 12 images instead of 5"),
    ],
)
def test_an_archive_that_is_not_whole_is_refused(
    manual: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    attribute: str,
    message: str,
) -> None:
    builder = {"cinic10": Cinic10, "restricted_imagenet": RestrictedImagenet}[name]
    monkeypatch.setattr(builder, attribute, 5)
    parameters = {"size": 16} if name == "restricted_imagenet" else {}
    with pytest.raises(DataError, match=message):
        preparing.prepare(name, parameters, tmp_path / "data")
    assert availability.why_unavailable(name, parameters, tmp_path / "data") is not None


def test_a_damaged_archive_is_refused(manual: Path, tmp_path: Path) -> None:
    archive = manual / cinic10.ARCHIVE
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(DataError, match="cannot prepare cinic10 from"):
        preparing.prepare("cinic10", {}, tmp_path / "data")
    archive.unlink()
    with pytest.raises(DataError, match=r"no archive folder has CINIC-10\.tar\.gz"):
        preparing.prepare("cinic10", {}, tmp_path / "data")


def test_restricted_imagenet_has_the_super_classes_of_its_images(
    manual: Path, tmp_path: Path
) -> None:
    preparing.prepare("restricted_imagenet", {"size": 40}, tmp_path)
    examples = load("restricted_imagenet", tmp_path, size=40)
    assert examples.classes == (
        "dog",
        "cat",
        "frog",
        "turtle",
        "bird",
        "primate",
        "fish",
        "crab",
        "insect",
    )
    assert examples.train.inputs.shape == (4, 40, 40, 3)
    found = {
        image.tobytes(): label
        for image, label in zip(whole(examples.train.inputs), examples.train.labels, strict=True)
    }
    for synset, label in (("n02085620", 0), ("n02123045", 1)):
        for number in (7, 12):
            content = encoded(imagenet_image(f"{synset}_{number}.JPEG"), "JPEG")
            assert found[square(content, 40).tobytes()] == label
    assert examples.test.labels.tolist() == [0]
    counted = catalog.of_origin(ManualArchives)["restricted_imagenet"].sizes(
        availability.requested("restricted_imagenet", {"size": 40}, tmp_path)
    )
    assert counted == ((2, 2, 0, 0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0, 0, 0, 0))
    np.testing.assert_array_equal(
        whole(examples.test.inputs)[0],
        square(encoded(imagenet_image(VALIDATION_DOGS[0]), "JPEG"), 40),
    )
    assert availability.why_unavailable("restricted_imagenet", {"size": 224}, tmp_path) is not None


def test_the_super_classes_are_ranges_of_all_classes() -> None:
    classes = super_classes()
    assert len(classes) == sum(last - first + 1 for first, last in RANGES.values()) == 203
    # The first and the last of some ranges, and what lies just beyond, by their WordNet names.
    for synset, label in (
        ("n02085620", "dog"),  # Chihuahua
        ("n02113978", "dog"),  # Mexican hairless
        ("n02114367", None),  # timber wolf
        ("n02123045", "cat"),  # tabby
        ("n02125311", None),  # cougar
        ("n01641577", "frog"),  # bullfrog
        ("n01632777", None),  # axolotl
        ("n01664065", "turtle"),  # loggerhead
        ("n01795545", "bird"),  # black grouse
        ("n02480495", "primate"),  # orangutan
        ("n02494079", "primate"),  # squirrel monkey
        ("n02497673", None),  # Madagascar cat, a lemur
        ("n02526121", "fish"),  # eel
        ("n01978287", "crab"),  # Dungeness crab
        ("n02165105", "insect"),  # tiger beetle
        ("n02268443", "insect"),  # dragonfly
    ):
        assert classes.get(synset) == label, synset


@pytest.mark.parametrize(
    ("height", "width", "size"), [(300, 280, 64), (70, 201, 32), (50, 50, 64), (333, 64, 64)]
)
def test_an_image_is_scaled_by_its_shorter_side_and_cut_as_pil_does(
    height: int, width: int, size: int
) -> None:
    image = smooth(5, height, width)
    found = square(encoded(image), size)
    assert (found.shape, found.dtype) == ((size, size, 3), np.dtype(np.uint8))
    scaled = (size * width // min(height, width), size * height // min(height, width))
    left, top = (scaled[0] - size) // 2, (scaled[1] - size) // 2
    expected = (
        Image.fromarray(image)
        .resize(scaled, Image.Resampling.BILINEAR)
        .crop((left, top, left + size, top + size))
    )
    difference = found.astype(int) - np.asarray(expected).astype(int)
    assert np.abs(difference).max() <= 2
    assert abs(difference.mean()) < 0.1


def test_odd_files_become_colour_images() -> None:
    image = smooth(6, 20, 20)
    grey = np.asarray(Image.fromarray(image).convert("L"))
    np.testing.assert_array_equal(square(encoded(grey), 20), np.repeat(grey[..., None], 3, axis=-1))
    file = io.BytesIO()
    Image.fromarray(image).convert("CMYK").save(file, "JPEG", quality=100)
    assert np.abs(square(file.getvalue(), 20).astype(int) - image).mean() < 3
