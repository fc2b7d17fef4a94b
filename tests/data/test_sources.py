import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_digits

from harness.data import catalog, rows, sources
from harness.data.builders.digits import Digits
from harness.data.records import DataError
from harness.data.rows import whole
from harness.spec.records import Dataset

MakeDataset = Callable[..., Dataset]


def picture(seed: int, shape: tuple[int, ...] = (16, 16, 3)) -> Image.Image:
    """A smooth picture, so that JPEG keeps most of it, with some noise."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 200, shape[0])[:, None, None] if len(shape) == 3 else np.linspace(0, 200, shape[0])[:, None]
    return Image.fromarray((ramp + rng.integers(0, 50, shape)).astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, three training images and one test image each, JPEG and PNG."""
    for split, count in (("train", 3), ("test", 1)):
        for label, name in enumerate(("ant", "bee")):
            path = tmp_path / split / name
            path.mkdir(parents=True)
            for index in range(count):
                suffix = "png" if index == 1 else "jpg"
                picture(100 * label + index).save(path / f"{index}.{suffix}")
    return tmp_path


def test_loaders_and_catalog_have_the_same_names() -> None:
    assert sorted(sources.LOADERS) == sorted(catalog.SOURCES)


def test_digits_are_those_of_scikit_learn(
    dataset: MakeDataset, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = sources.load(dataset("digits"), data_dir)
    assert examples.train.inputs.shape == (500, 8, 8, 1)
    assert examples.test.inputs.shape == (1297, 8, 8, 1)
    assert examples.train.inputs.dtype == np.uint8
    assert examples.train.labels.dtype == np.int32
    assert (examples.classes, examples.maximum) == (tuple("0123456789"), 16.0)
    both = np.concatenate([whole(examples.train.inputs), whole(examples.test.inputs)]).reshape(1797, 64)
    labels = np.concatenate([examples.train.labels, examples.test.labels])
    digits = load_digits()
    rows = sorted((*row, label) for row, label in zip(both.tolist(), labels.tolist(), strict=True))
    expected = sorted(
        (*row, label) for row, label in zip(digits.data.astype(int).tolist(), digits.target.tolist(), strict=True)
    )
    assert rows == expected
    assert capsys.readouterr().out == ""


def test_digits_keep_the_order_of_scikit_learn(dataset: MakeDataset, data_dir: Path) -> None:
    train = sources.load(dataset("digits"), data_dir).train
    digits = load_digits()
    # its first images are the digits 0 to 9, each the first of its class, and so all for training
    np.testing.assert_array_equal(train.labels[:10], range(10))
    np.testing.assert_array_equal(whole(train.inputs)[:10, ..., 0], digits.images[:10])


def test_data_that_another_process_prepares_meanwhile_are_read(
    dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def held_by_another(_path: Path) -> Iterator[None]:
        Digits(data_dir=str(tmp_path)).download_and_prepare()
        yield

    monkeypatch.setattr(sources, "FileLock", held_by_another)
    assert len(sources.load(dataset("digits"), tmp_path).train.labels) == 500


def test_blobs_follow_their_parameters(dataset: MakeDataset, data_dir: Path) -> None:
    def load(shift: float, data_seed: int) -> np.ndarray:
        parameters = {"train_per_class": 5, "test_per_class": 3, "shift": shift, "data_seed": data_seed}
        examples = sources.load(dataset("blobs", **parameters), data_dir)
        assert examples.train.inputs.shape == (10, 2)
        assert examples.test.inputs.shape == (6, 2)
        assert examples.maximum == 1.0
        np.testing.assert_array_equal(examples.train.labels, [0] * 5 + [1] * 5)
        return whole(examples.train.inputs)

    near = load(0.5, 0)
    np.testing.assert_allclose(load(0.75, 0) - near, [[0, -0.25]] * 5 + [[0, 0.25]] * 5, atol=1e-6)
    assert not np.array_equal(load(0.5, 1), near)


def test_a_subset_is_the_same_part_of_a_larger_one(dataset: MakeDataset, data_dir: Path) -> None:
    everything = sources.load(dataset("digits"), data_dir)
    large = sources.load(dataset("digits", 100, 20), data_dir)
    small = sources.load(dataset("digits", 10, 20), data_dir)
    np.testing.assert_array_equal(whole(large.train.inputs)[:10], small.train.inputs)
    np.testing.assert_array_equal(large.test.inputs, small.test.inputs)
    assert len(small.train) == 10
    assert len(large.test) == 20
    rows = {
        (image.tobytes(), int(label))
        for image, label in zip(whole(everything.train.inputs), everything.train.labels, strict=True)
    }
    assert all(
        (i.tobytes(), int(y)) in rows for i, y in zip(whole(large.train.inputs), large.train.labels, strict=True)
    )
    assert len(set(large.train.labels.tolist())) == 10


def test_more_than_there_is_says_how_many_there_are(dataset: MakeDataset, data_dir: Path) -> None:
    with pytest.raises(DataError, match="500 training examples, 501"):
        sources.load(dataset("digits", 501), data_dir)
    with pytest.raises(DataError, match="1297 test examples, 2000"):
        sources.load(dataset("digits", None, 2000), data_dir)


def test_an_image_folder_is_ordered_by_class_and_name_and_decoded_as_pil_does(
    dataset: MakeDataset, folder: Path, data_dir: Path
) -> None:
    examples = sources.load(dataset("image_folder", path=str(folder)), data_dir)
    assert examples.classes == ("ant", "bee")
    np.testing.assert_array_equal(examples.train.labels, [0, 0, 0, 1, 1, 1])
    names = [f"{label}/{name}" for label in ("ant", "bee") for name in ("0.jpg", "1.png", "2.jpg")]
    for image, name in zip(whole(examples.train.inputs), names, strict=True):
        np.testing.assert_array_equal(image, np.asarray(Image.open(folder / "train" / name)))


def test_grey_images_have_one_channel(dataset: MakeDataset, tmp_path: Path, data_dir: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split / "a").mkdir(parents=True)
        picture(0, (8, 6)).save(tmp_path / split / "a" / "0.png")
    examples = sources.load(dataset("image_folder", path=str(tmp_path)), data_dir)
    assert examples.train.inputs.shape == (1, 8, 6, 1)


def test_images_of_another_shape_are_named(dataset: MakeDataset, folder: Path, data_dir: Path) -> None:
    picture(0, (12, 16, 3)).save(folder / "test/bee/odd.png")
    with pytest.raises(DataError, match=r"odd\.png has the shape \(12, 16, 3\)"):
        sources.load(dataset("image_folder", path=str(folder)), data_dir)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\xff\xd8\xff\xe0 broken"])
def test_a_corrupt_image_is_named(dataset: MakeDataset, folder: Path, data_dir: Path, content: bytes) -> None:
    (folder / "train/ant/2.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"train/ant/2\.jpg"):
        sources.load(dataset("image_folder", path=str(folder)), data_dir)


def test_only_the_images_that_are_used_are_read(dataset: MakeDataset, folder: Path, data_dir: Path) -> None:
    chosen = sources.load(dataset("image_folder", 2, None, path=str(folder)), data_dir)
    everything = sources.load(dataset("image_folder", path=str(folder)), data_dir)
    used = {image.tobytes() for image in whole(chosen.train.inputs)}
    files = sorted((folder / "train").glob("*/*"))
    for file, image in zip(files, whole(everything.train.inputs), strict=True):
        if image.tobytes() not in used:
            file.write_bytes(bytes(file.stat().st_size))
    sources._load.cache_clear()
    again = sources.load(dataset("image_folder", 2, None, path=str(folder)), data_dir)
    np.testing.assert_array_equal(whole(again.train.inputs), whole(chosen.train.inputs))
    with pytest.raises(DataError, match=r"cannot read the image .*train"):
        sources.load(dataset("image_folder", 6, None, path=str(folder)), data_dir)


def test_images_that_do_not_fit_are_read_when_they_are_asked_for(
    dataset: MakeDataset, folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = sources.load(dataset("image_folder", path=str(folder)), data_dir)
    assert isinstance(in_memory.train.inputs, np.ndarray)
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 2 * 16 * 16 * 3)
    sources._load.cache_clear()
    late = sources.load(dataset("image_folder", path=str(folder)), data_dir)
    assert not isinstance(late.train.inputs, np.ndarray)
    assert isinstance(late.test.inputs, np.ndarray)  # two images
    indices = np.array([5, 0, 3, 3])
    np.testing.assert_array_equal(rows.take(late.train.inputs, indices), in_memory.train.inputs[indices])
    (folder / "train/bee/2.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"train/bee/2\.jpg"):
        rows.take(late.train.inputs, indices)
    sources._load.cache_clear()


def test_a_class_without_training_images_is_named(dataset: MakeDataset, folder: Path, data_dir: Path) -> None:
    shutil.copytree(folder / "test/bee", folder / "test/cow")
    with pytest.raises(DataError, match="class cow"):
        sources.load(dataset("image_folder", path=str(folder)), data_dir)


def test_a_folder_without_test_images_is_refused(dataset: MakeDataset, folder: Path, data_dir: Path) -> None:
    shutil.rmtree(folder / "test")
    with pytest.raises(DataError, match="no test images"):
        sources.load(dataset("image_folder", path=str(folder)), data_dir)


def test_a_catalogue_dataset_is_read_in_its_own_order_and_never_downloaded(
    dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="python -m harness data prepare mnist"):
        sources.load(dataset("mnist"), tmp_path)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda _: True)
    with tfds.testing.mock_data(num_examples=7):
        (tmp_path / "mnist/3.0.1").mkdir(parents=True)
        (tmp_path / "mnist/3.0.1/dataset_info.json").write_text("{}")
        examples = sources.load(dataset("mnist"), tmp_path)
    assert examples.train.inputs.shape == (7, 28, 28, 1)
    assert examples.classes == tuple("0123456789")
    assert examples.maximum == 255.0


def test_a_catalogue_dataset_of_another_version_is_not_read(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "mnist/1.0.0").mkdir(parents=True)
    (tmp_path / "mnist/1.0.0/dataset_info.json").write_text("{}")
    with pytest.raises(DataError, match="another version of mnist"):
        sources.load(dataset("mnist"), tmp_path)


def test_a_data_folder_that_cannot_be_written_is_named(dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot read or make digits"):
        sources.load(dataset("digits"), tmp_path / "file")


def test_what_needs_no_preparation_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs no preparation"):
        sources.prepare("digits", {}, tmp_path)


def test_a_server_out_of_reach_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.CATALOGUE, "mnist", "http://127.0.0.1:9/nothing-listens-here")
    monkeypatch.delenv("http_proxy", raising=False)
    with pytest.raises(DataError, match="cannot download and prepare mnist"):
        sources.prepare("mnist", {}, tmp_path)


def test_the_real_cifar10_copy_has_the_published_channel_means(
    dataset: MakeDataset, unpacked_cifar10: Path, data_dir: Path
) -> None:
    examples = sources.load(dataset("cifar10_jpeg"), data_dir)
    assert examples.train.inputs.shape == (50_000, 32, 32, 3)
    assert examples.test.inputs.shape == (10_000, 32, 32, 3)
    assert examples.classes[:4] == ("airplane", "automobile", "bird", "cat")
    np.testing.assert_array_equal(np.bincount(examples.test.labels), [1000] * 10)
    images = whole(examples.train.inputs)
    means = images.mean(axis=(0, 1, 2)) / 255
    np.testing.assert_allclose(means, [0.4913, 0.4821, 0.4465], atol=6e-5)
    for index in (0, 1, 4999):
        expected = np.asarray(Image.open(unpacked_cifar10 / f"train/automobile/{index:04d}.jpg"))
        np.testing.assert_array_equal(images[5000 + index], expected)
