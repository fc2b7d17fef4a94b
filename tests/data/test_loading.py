import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from sklearn.datasets import load_digits

from harness.data import availability, catalog, folders, loading, prepared, preparing, rows
from harness.data.builders.digits import Digits
from harness.data.facts import Facts, facts
from harness.data.origins import Downloaded
from harness.data.records import DataError, Examples
from harness.data.rows import whole
from harness.experiment import Component, Dataset, Json
from harness.run_result import Loaded

MakeDataset = Callable[..., Dataset]


def picture(seed: int, shape: tuple[int, ...] = (16, 16, 3)) -> Image.Image:
    """A smooth picture, so that JPEG keeps most of it, with some noise."""
    rng = np.random.default_rng(seed)
    ramp = (
        np.linspace(0, 200, shape[0])[:, None, None]
        if len(shape) == 3
        else np.linspace(0, 200, shape[0])[:, None]
    )
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


@pytest.mark.parametrize("name", catalog.DATASETS)
def test_every_row_names_a_loading_function(name: str) -> None:
    assert callable(resolve_name(catalog.DATASETS[name].origin.loader))


def test_digits_are_those_of_scikit_learn(
    dataset: MakeDataset, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = loading.load(dataset("digits"), data_dir)
    assert examples.train.inputs.shape == (500, 8, 8, 1)
    assert examples.test.inputs.shape == (1297, 8, 8, 1)
    assert examples.train.inputs.dtype == np.uint8
    assert examples.train.labels.dtype == np.int32
    assert (examples.classes, examples.maximum) == (tuple("0123456789"), 16.0)
    both = np.concatenate([whole(examples.train.inputs), whole(examples.test.inputs)]).reshape(
        1797, 64
    )
    labels = np.concatenate([examples.train.labels, examples.test.labels])
    digits = load_digits()
    rows = sorted((*row, label) for row, label in zip(both.tolist(), labels.tolist(), strict=True))
    expected = sorted(
        (*row, label)
        for row, label in zip(digits.data.astype(int).tolist(), digits.target.tolist(), strict=True)
    )
    assert rows == expected
    assert capsys.readouterr().out == ""


def test_digits_keep_the_order_of_scikit_learn(dataset: MakeDataset, data_dir: Path) -> None:
    train = loading.load(dataset("digits"), data_dir).train
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

    monkeypatch.setattr(preparing, "FileLock", held_by_another)
    assert len(loading.load(dataset("digits"), tmp_path).train.labels) == 500


def test_blobs_follow_their_parameters(dataset: MakeDataset, data_dir: Path) -> None:
    def load(shift: float, data_seed: int) -> np.ndarray:
        parameters = {
            "train_per_class": 5,
            "test_per_class": 3,
            "shift": shift,
            "data_seed": data_seed,
        }
        examples = loading.load(dataset("blobs", **parameters), data_dir)
        assert examples.train.inputs.shape == (10, 2)
        assert examples.test.inputs.shape == (6, 2)
        assert examples.maximum == 1.0
        np.testing.assert_array_equal(examples.train.labels, [0] * 5 + [1] * 5)
        return whole(examples.train.inputs)

    near = load(0.5, 0)
    np.testing.assert_allclose(load(0.75, 0) - near, [[0, -0.25]] * 5 + [[0, 0.25]] * 5, atol=1e-6)
    assert not np.array_equal(load(0.5, 1), near)


def test_a_subset_is_the_same_part_of_a_larger_one(dataset: MakeDataset, data_dir: Path) -> None:
    everything = loading.load(dataset("digits"), data_dir)
    large = loading.load(dataset("digits", 100, 20), data_dir)
    small = loading.load(dataset("digits", 10, 20), data_dir)
    np.testing.assert_array_equal(whole(large.train.inputs)[:10], small.train.inputs)
    np.testing.assert_array_equal(large.test.inputs, small.test.inputs)
    assert len(small.train) == 10
    assert len(large.test) == 20
    rows = {
        (image.tobytes(), int(label))
        for image, label in zip(
            whole(everything.train.inputs), everything.train.labels, strict=True
        )
    }
    assert all(
        (i.tobytes(), int(y)) in rows
        for i, y in zip(whole(large.train.inputs), large.train.labels, strict=True)
    )
    assert len(set(large.train.labels.tolist())) == 10


def test_more_than_there_is_says_how_many_there_are(dataset: MakeDataset, data_dir: Path) -> None:
    with pytest.raises(DataError, match="500 training examples, 501"):
        loading.load(dataset("digits", 501), data_dir)
    with pytest.raises(DataError, match="1297 test examples, 2000"):
        loading.load(dataset("digits", None, 2000), data_dir)


def test_an_image_folder_is_ordered_by_class_and_name_and_decoded_as_pil_does(
    dataset: MakeDataset, folder: Path, data_dir: Path
) -> None:
    examples = loading.load(dataset("image_folder", path=str(folder)), data_dir)
    assert examples.classes == ("ant", "bee")
    np.testing.assert_array_equal(examples.train.labels, [0, 0, 0, 1, 1, 1])
    names = [f"{label}/{name}" for label in ("ant", "bee") for name in ("0.jpg", "1.png", "2.jpg")]
    for image, name in zip(whole(examples.train.inputs), names, strict=True):
        np.testing.assert_array_equal(image, np.asarray(Image.open(folder / "train" / name)))


def test_grey_images_have_one_channel(dataset: MakeDataset, tmp_path: Path, data_dir: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split / "a").mkdir(parents=True)
        picture(0, (8, 6)).save(tmp_path / split / "a" / "0.png")
    examples = loading.load(dataset("image_folder", path=str(tmp_path)), data_dir)
    assert examples.train.inputs.shape == (1, 8, 6, 1)


def test_images_of_another_shape_are_named(
    dataset: MakeDataset, folder: Path, data_dir: Path
) -> None:
    picture(0, (12, 16, 3)).save(folder / "test/bee/odd.png")
    with pytest.raises(
        DataError,
        match=r"bee/odd\.png is 12x16x3 \(colour\); the other \d are 16x16x3 \(colour\): all must",
    ):
        loading.load(dataset("image_folder", path=str(folder)), data_dir)


def test_where_the_first_image_is_the_odd_one_it_is_named(
    dataset: MakeDataset, tmp_path: Path, data_dir: Path
) -> None:
    shapes = {"train/a/0": (8, 6), "train/a/1": (8, 6, 3), "train/b/0": (8, 6, 3)}
    for name, shape in (shapes | {"test/a/0": (8, 6, 3), "test/b/0": (9, 6, 3)}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture(0, shape).save(tmp_path / f"{name}.png")
    with pytest.raises(DataError) as caught:
        loading.load(dataset("image_folder", path=str(tmp_path)), data_dir)
    assert str(caught.value) == (
        f"the image {tmp_path}/train/a/0.png is 8x6x1 (grey), {tmp_path}/test/b/0.png is 9x6x3"
        " (colour); the other 3 are 8x6x3 (colour): all must be alike (`resize` makes them one"
        " size, `mode` makes them all grey or all colour)"
    )


def test_where_no_shape_is_that_of_most_all_are_counted(
    dataset: MakeDataset, tmp_path: Path, data_dir: Path
) -> None:
    shapes = {"train/a/0": (8, 6), "train/a/1": (8, 6, 3), "test/a/0": (9, 6), "test/a/1": (8, 6)}
    for name, shape in shapes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture(0, shape).save(tmp_path / f"{name}.png")
    with pytest.raises(DataError) as caught:
        loading.load(dataset("image_folder", path=str(tmp_path)), data_dir)
    assert str(caught.value) == (
        f"the images have different shapes: 2 of 4 are 8x6x1 (grey), such as {tmp_path}/train/a/0"
        f".png; 1 of 4 are 8x6x3 (colour), such as {tmp_path}/train/a/1.png; 1 of 4 are 9x6x1"
        f" (grey), such as {tmp_path}/test/a/0.png: all must be alike (`resize` makes them one"
        " size, `mode` makes them all grey or all colour)"
    )


JPEG_START = b"\xff\xd8\xff\xe0 broken"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"not an image", "it is neither a JPEG nor a PNG file"),
        (JPEG_START, "it is cut off or damaged"),
        (b"GIF89a...", "it is a GIF file, whatever its name says"),
        (b"RIFF....WEBP", "it is a WebP file, whatever its name says"),
        (b"II*\0....", "it is a TIFF file"),
        (b"BM......", "it is a BMP file"),
    ],
)
@pytest.mark.parametrize("name", ["0.jpg", "2.jpg"])
def test_a_corrupt_image_is_named(
    dataset: MakeDataset, folder: Path, data_dir: Path, content: bytes, why: str, name: str
) -> None:
    (folder / "train/ant" / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"train/ant/{name}: {why}"):
        loading.load(dataset("image_folder", path=str(folder)), data_dir)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_image_that_is_cut_off_is_named(
    dataset: MakeDataset, folder: Path, data_dir: Path, kind: str
) -> None:
    path = folder / "train/bee/0.jpg"
    picture(5).save(path, kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"train/bee/0\.jpg: it is cut off or damaged"):
        loading.load(dataset("image_folder", path=str(folder)), data_dir)


def saved(folder: Path, image: Image.Image, kind: str, **options: Any) -> Path:
    """A folder of one class, of this image alone."""
    for split in ("train", "test"):
        path = folder / split / "a" / f"0.{kind.lower()}"
        path.parent.mkdir(parents=True)
        image.save(path, kind, **options)
    return folder


def loaded(folder: Path, data_dir: Path) -> np.ndarray:
    name = Component("image_folder", {"path": str(folder)})
    return whole(loading.load(Dataset(name, None, None, None, ()), data_dir).train.inputs)[0]


def test_a_palette_becomes_its_colours(tmp_path: Path, data_dir: Path) -> None:
    image = picture(1).quantize(16)
    found = loaded(saved(tmp_path, image, "PNG"), data_dir)
    np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))


def test_black_and_white_becomes_0_and_255(tmp_path: Path, data_dir: Path) -> None:
    black_and_white = np.random.default_rng(0).random((9, 7)) < 0.5
    found = loaded(saved(tmp_path, Image.fromarray(black_and_white), "PNG"), data_dir)
    np.testing.assert_array_equal(found[..., 0], np.where(black_and_white, 255, 0))


def test_opacity_is_a_channel_of_its_own(tmp_path: Path, data_dir: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4), dtype=np.uint8)
    np.testing.assert_array_equal(
        loaded(saved(tmp_path, Image.fromarray(pixels), "PNG"), data_dir), pixels
    )


def test_a_grey_jpeg_keeps_one_channel(tmp_path: Path, data_dir: Path) -> None:
    assert loaded(saved(tmp_path, picture(0, (8, 6)), "JPEG"), data_dir).shape == (8, 6, 1)


def test_a_progressive_jpeg_is_read_as_pil_does(tmp_path: Path, data_dir: Path) -> None:
    folder = saved(tmp_path, picture(3), "JPEG", progressive=True)
    np.testing.assert_array_equal(
        loaded(folder, data_dir), np.asarray(Image.open(folder / "train/a/0.jpeg"))
    )


def test_16_bits_are_refused_and_never_turned_black(tmp_path: Path, data_dir: Path) -> None:
    image = Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8))
    with pytest.raises(DataError, match=r"train/a/0\.png: it is a PNG file of 16 bits a channel"):
        loaded(saved(tmp_path, image, "PNG"), data_dir)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": "x" * 300}])
def test_cmyk_is_refused(tmp_path: Path, data_dir: Path, options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"train/a/0\.jpeg: it is a JPEG file in CMYK"):
        loaded(saved(tmp_path, picture(0).convert("CMYK"), "JPEG", **options), data_dir)


def test_mixed_channels_are_named(dataset: MakeDataset, folder: Path, data_dir: Path) -> None:
    picture(0, (16, 16)).save(folder / "train/bee/1.png")
    with pytest.raises(DataError, match=r"train/bee/1\.png is 16x16x1 \(grey\); the other \d"):
        loading.load(dataset("image_folder", path=str(folder)), data_dir)


def test_hidden_folders_are_no_classes(dataset: MakeDataset, folder: Path, data_dir: Path) -> None:
    (folder / "train/.ipynb_checkpoints").mkdir()
    shutil.copy(folder / "train/ant/0.jpg", folder / "train/.ipynb_checkpoints/0.jpg")
    shutil.copy(folder / "train/ant/0.jpg", folder / "train/ant/._0.jpg")
    examples = loading.load(dataset("image_folder", path=str(folder)), data_dir)
    assert (examples.classes, len(examples.train)) == (("ant", "bee"), 6)


def test_what_is_loaded_is_counted(dataset: MakeDataset, folder: Path, data_dir: Path) -> None:
    found = loading.load(dataset("image_folder", 5, 2, path=str(folder)), data_dir).loaded
    content = availability.content("image_folder", {"path": str(folder)}, data_dir).sha256
    assert found == Loaded(5, 2, ("ant", "bee"), content)
    assert content is not None


def put_images(root: Path, shapes: dict[str, tuple[int, ...]]) -> Path:
    for seed, (name, shape) in enumerate(shapes.items()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture(seed, shape).save(root / name)
    return root


ODD = {
    "train/ant/0.png": (8, 6),
    "train/ant/1.jpg": (12, 9, 3),
    "train/bee/0.png": (20, 30, 4),
    "test/ant/0.png": (5, 5, 3),
    "test/bee/0.png": (5, 5),
}


@pytest.mark.parametrize(("mode", "name"), [("rgb", "RGB"), ("grayscale", "L")])
def test_images_of_any_size_and_colour_are_made_alike(
    dataset: MakeDataset, tmp_path: Path, data_dir: Path, mode: str, name: str
) -> None:
    put_images(tmp_path, ODD)
    parameters = {"path": str(tmp_path), "resize": [6, 4], "mode": mode}
    found = loading.read(dataset("image_folder", **parameters), data_dir)
    wanted = [
        Image.open(tmp_path / each).convert(name).resize((4, 6), Image.Resampling.BILINEAR)
        for each in list(ODD)[:3]
    ]
    expected = np.stack([np.asarray(each) for each in wanted])
    np.testing.assert_array_equal(
        whole(found.train.inputs), expected[..., None] if mode == "grayscale" else expected
    )
    known = facts(Component("image_folder", parameters))
    assert known == Facts(found.train.inputs.shape[1:], 2, 3, 2)


def test_what_remains_unlike_is_named_with_the_setting_that_mends_it(
    dataset: MakeDataset, tmp_path: Path, data_dir: Path
) -> None:
    put_images(tmp_path, ODD)
    with pytest.raises(
        DataError, match=r"6x4x1 \(grey\).*\(`mode` makes them all grey or all colour\)"
    ):
        loading.read(dataset("image_folder", path=str(tmp_path), resize=[6, 4]), data_dir)
    with pytest.raises(DataError, match=r"12x9x3 \(colour\).*\(`resize` makes them one size\)"):
        loading.read(dataset("image_folder", path=str(tmp_path), mode="rgb"), data_dir)


def test_images_without_a_split_are_split_by_the_seed(
    dataset: MakeDataset, tmp_path: Path, data_dir: Path
) -> None:
    """The images are those of all files, a quarter of each class is for testing."""
    for split, count in (("ant", 8), ("bee", 4)):
        put_images(tmp_path, {f"{split}/{i}.png": (4, 3) for i in range(count)})

    def load(seed: int) -> Examples:
        parameters = {"path": str(tmp_path), "test_share": 0.25, "split_seed": seed}
        assert facts(Component("image_folder", parameters)) == Facts(None, 2, 9, 3)
        return loading.read(dataset("image_folder", **parameters), data_dir)

    found = load(0)
    assert (np.bincount(found.train.labels).tolist(), np.bincount(found.test.labels).tolist()) == (
        [6, 3],
        [2, 1],
    )
    files = [np.asarray(Image.open(each)).tobytes() for each in sorted(tmp_path.glob("*/*"))]
    both = [*whole(found.train.inputs), *whole(found.test.inputs)]
    assert sorted(each.tobytes() for each in both) == sorted(files)
    assert any(
        not np.array_equal(whole(found.test.inputs), whole(load(seed).test.inputs))
        for seed in (1, 2, 3)
    )


def exchange(one: Path, two: Path) -> None:
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def test_images_that_change_between_their_digest_and_their_reading_are_an_error(
    dataset: MakeDataset, folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folders.examples

    def late(*arguments: Any) -> Examples:
        exchange(folder / "train/bee/1.png", folder / "train/ant/1.png")
        return real(*arguments)

    monkeypatch.setattr(folders, "examples", late)
    with pytest.raises(DataError, match=r"train/ant/1\.png was changed after the run was planned"):
        loading.load(dataset("image_folder", path=str(folder)), data_dir)


def test_only_the_images_that_are_used_are_decoded(
    dataset: MakeDataset, folder: Path, data_dir: Path
) -> None:
    chosen = loading.read(dataset("image_folder", 2, None, path=str(folder)), data_dir)
    everything = loading.read(dataset("image_folder", path=str(folder)), data_dir)
    used = {image.tobytes() for image in whole(chosen.train.inputs)}
    files = sorted((folder / "train").glob("*/*"))
    for file, image in zip(files[1:], whole(everything.train.inputs)[1:], strict=True):
        if image.tobytes() not in used:
            file.write_bytes(bytes(file.stat().st_size))
    again = loading.read(dataset("image_folder", 2, None, path=str(folder)), data_dir)
    np.testing.assert_array_equal(whole(again.train.inputs), whole(chosen.train.inputs))
    with pytest.raises(DataError, match=r"cannot read the image .*train"):
        loading.read(dataset("image_folder", 6, None, path=str(folder)), data_dir)


def test_images_that_do_not_fit_are_read_when_they_are_asked_for(
    dataset: MakeDataset, folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = loading.read(dataset("image_folder", path=str(folder)), data_dir)
    assert isinstance(in_memory.train.inputs, np.ndarray)
    monkeypatch.setattr(rows, "LARGEST_IN_MEMORY", 2 * 16 * 16 * 3)
    late = loading.read(dataset("image_folder", path=str(folder)), data_dir)
    assert not isinstance(late.train.inputs, np.ndarray)
    assert isinstance(late.test.inputs, np.ndarray)  # two images
    indices = np.array([5, 0, 3, 3])
    np.testing.assert_array_equal(
        rows.take(late.train.inputs, indices), in_memory.train.inputs[indices]
    )
    (folder / "train/bee/2.jpg").write_bytes((folder / "train/bee/0.jpg").read_bytes())
    with pytest.raises(DataError, match=r"train/bee/2\.jpg was changed"):
        rows.take(late.train.inputs, indices)


def test_a_class_without_training_images_is_named(
    dataset: MakeDataset, folder: Path, data_dir: Path
) -> None:
    shutil.copytree(folder / "test/bee", folder / "test/cow")
    with pytest.raises(DataError, match="has images of cow in test and none in train"):
        loading.load(dataset("image_folder", path=str(folder)), data_dir)


def test_a_folder_without_test_images_is_refused(
    dataset: MakeDataset, folder: Path, data_dir: Path
) -> None:
    shutil.rmtree(folder / "test")
    with pytest.raises(DataError, match="no test images"):
        loading.load(dataset("image_folder", path=str(folder)), data_dir)


class Mine(tfds.core.GeneratorBasedBuilder):
    """A person's data set: grey images, and vectors, of which the first value tells the order."""

    VERSION = tfds.core.Version("1.2.0")
    COUNTS: ClassVar = {"train": 7, "test": 5, "odd": 3}
    name = "mine"

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="mine",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(6, 5, 1)),
                    "vector": tfds.features.Tensor(shape=(3,), dtype=np.float64),
                    "label": tfds.features.ClassLabel(names=["cat", "dog", "emu"]),
                }
            ),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(split) for split in self.COUNTS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in range(self.COUNTS[split]):
            yield index, example(split, index)


def example(split: str, index: int) -> dict[str, Any]:
    random = np.random.default_rng([len(split), index])
    image = random.integers(0, 256, (6, 5, 1), dtype=np.uint8)
    label = -1 if split == "odd" and index == 1 else index % 3
    return {"image": image, "vector": np.array([index, *random.random(2)]), "label": label}


def prepared_mine(data_dir: Path, file_format: str = "tfrecord") -> Path:
    builder = Mine(data_dir=str(data_dir), file_format=file_format)
    builder.download_and_prepare()
    return Path(builder.data_path)


@pytest.fixture
def mine() -> Json:
    return {
        "dataset": "mine",
        "config": None,
        "version": None,
        "train_split": "train",
        "test_split": "test",
    }


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_a_data_set_of_ones_own_is_read_as_it_was_prepared(
    dataset: MakeDataset, tmp_path: Path, file_format: str, mine: Json
) -> None:
    prepared_mine(tmp_path, file_format)
    found = loading.load(dataset("tfds", **mine), tmp_path)
    assert (found.classes, found.maximum) == (("cat", "dog", "emu"), 255.0)
    for name, split in (("train", found.train), ("test", found.test)):
        wanted = [example(name, index) for index in range(Mine.COUNTS[name])]
        np.testing.assert_array_equal(whole(split.inputs), [each["image"] for each in wanted])
        np.testing.assert_array_equal(split.labels, [each["label"] for each in wanted])
    assert found.loaded.content == availability.content("tfds", mine, tmp_path).sha256 is not None


SPLITS = {"train_split": "train[2:]+odd[2:]", "test_split": "train[:25%]"}


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_parts_of_splits_are_read_in_order(
    dataset: MakeDataset, tmp_path: Path, file_format: str, mine: Json
) -> None:
    """25% of seven examples are 1.75, which TFDS rounds to two."""
    prepared_mine(tmp_path, file_format)
    for _ in range(2):  # the second time labels of array_record are those that were kept
        found = loading.read(dataset("tfds", **mine | SPLITS), tmp_path)
        train = [*(example("train", i) for i in range(2, 7)), example("odd", 2)]
        for split, wanted in (
            (found.train, train),
            (found.test, map(example, ["train"] * 2, (0, 1))),
        ):
            images, labels = zip(*((each["image"], each["label"]) for each in wanted), strict=True)
            np.testing.assert_array_equal(whole(split.inputs), images)
            np.testing.assert_array_equal(split.labels, labels)


class Flowers(tfds.core.GeneratorBasedBuilder):
    """A table: numbers of several types, some within a dictionary, and a vector."""

    VERSION = tfds.core.Version("1.0.0")
    name = "flowers"

    def _info(self) -> tfds.core.DatasetInfo:
        numbers = {"width": np.float32, "count": np.int64, "wild": np.bool_}
        return tfds.core.DatasetInfo(
            builder=self,
            description="flowers",
            features=tfds.features.FeaturesDict(
                {
                    "features": tfds.features.FeaturesDict(
                        {
                            name: tfds.features.Tensor(shape=(), dtype=t)
                            for name, t in numbers.items()
                        }
                    ),
                    "colour": tfds.features.Tensor(shape=(3,), dtype=np.uint8),
                    "name": tfds.features.Text(),
                    "kind": tfds.features.ClassLabel(names=["iris", "rose"]),
                }
            ),
            supervised_keys=("features", "kind"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(n) for split, n in (("train", 4), ("test", 2))}

    def _generate_examples(self, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for i in range(count):
            within = {"width": i / 2, "count": 10 * i, "wild": i % 2 == 1}
            colour = np.array([i, i + 1, 255], np.uint8)
            yield i, {"features": within, "colour": colour, "name": "a", "kind": i % 2}


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
@pytest.mark.parametrize(
    ("inputs", "row"),
    [
        (None, lambda i: [10 * i, i / 2, i % 2]),  # by name: count, width, wild
        ("features", lambda i: [10 * i, i / 2, i % 2]),
        (["features/width", "colour", "features/count"], lambda i: [i / 2, i, i + 1, 255, 10 * i]),
        ("colour", lambda i: [i, i + 1, 255]),
    ],
)
def test_numbers_are_joined_into_a_vector_in_the_stated_order(
    dataset: MakeDataset,
    tmp_path: Path,
    file_format: str,
    inputs: Json,
    row: Callable[[int], list[float]],
) -> None:
    Flowers(data_dir=str(tmp_path), file_format=file_format).download_and_prepare()
    parameters: Json = {"dataset": "flowers", "inputs": inputs, "label": None}
    found = loading.load(dataset("tfds", **parameters), tmp_path)
    assert (found.train.inputs.dtype, found.maximum) == (np.dtype(np.float32), 1.0)
    np.testing.assert_array_equal(whole(found.train.inputs), [row(i) for i in range(4)])
    assert (found.classes, found.test.labels.tolist()) == (("iris", "rose"), [0, 1])
    known = facts(Component("tfds", parameters), tmp_path)
    assert known == Facts((len(row(0)),), 2, 4, 2)
    assert known.names == ("iris", "rose")


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_the_vectors_of_one_are_single_precision(
    dataset: MakeDataset, tmp_path: Path, file_format: str, mine: Json
) -> None:
    prepared_mine(tmp_path, file_format)
    found = loading.load(dataset("tfds", **mine, inputs="vector", label="label"), tmp_path)
    wanted = np.array([example("test", index)["vector"] for index in range(5)], np.float32)
    assert (found.maximum, found.test.inputs.dtype) == (1.0, np.dtype(np.float32))
    np.testing.assert_array_equal(whole(found.test.inputs), wanted)


def test_a_label_that_is_no_class_is_refused(
    dataset: MakeDataset, tmp_path: Path, mine: Json
) -> None:
    prepared_mine(tmp_path)
    with pytest.raises(
        DataError, match=r"1 of the 3 examples of its split odd have a label .*such as -1"
    ):
        loading.load(dataset("tfds", **mine | {"test_split": "odd"}), tmp_path)


def test_no_code_of_its_author_is_run(
    dataset: MakeDataset, tmp_path: Path, mine: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared_mine(tmp_path)
    (tmp_path / "authors_module.py").write_text("raise SystemExit('the code of the author ran')")
    monkeypatch.syspath_prepend(str(tmp_path))
    features = folder / "features.json"
    own = features.read_text().replace(
        "tensorflow_datasets.core.features.tensor_feature.", "authors_module."
    )
    features.write_text(own)
    with pytest.raises(
        DataError, match=r"class authors_module\.Tensor, which is none of TFDS's own"
    ):
        loading.load(dataset("tfds", **mine), tmp_path)


def flipped(path: Path) -> None:
    """Change one bit in the middle of the first record, and neither its length nor the file's."""
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)


def test_damaged_records_are_an_error_that_says_where(
    dataset: MakeDataset, tmp_path: Path, mine: Json
) -> None:
    folder = prepared_mine(tmp_path)
    flipped(folder / "mine-train.tfrecord-00000-of-00001")
    with pytest.raises(
        DataError, match=rf"cannot read the split train in {folder}: .*corrupted record"
    ):
        loading.load(dataset("tfds", **mine), tmp_path)


def test_records_that_are_exchanged_while_they_are_read_are_an_error(
    dataset: MakeDataset, tmp_path: Path, mine: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepared_mine(tmp_path)
    other = prepared_mine(tmp_path / "other") / "mine-train.tfrecord-00000-of-00001"
    real = prepared.load_prepared

    def late(*arguments: Any) -> Examples:
        other.replace(folder / other.name)
        return real(*arguments)

    monkeypatch.setattr(prepared, "load_prepared", late)
    with pytest.raises(
        DataError, match=r"mine-train\.tfrecord.* was changed after the run was planned"
    ):
        loading.load(dataset("tfds", **mine), tmp_path)


def test_a_catalogue_dataset_is_read_in_its_own_order_and_never_downloaded(
    dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="python -m harness data prepare mnist"):
        loading.load(dataset("mnist"), tmp_path)
    prepared_mine(tmp_path).parent.rename(tmp_path / "mnist")
    with pytest.raises(DataError, match="is not mnist as it is published: 7 instead of 60,000"):
        loading.load(dataset("mnist"), tmp_path)
    other = replace(catalog.DATASETS["mnist"], facts=Facts((6, 5, 1), 3, 7, 5))
    monkeypatch.setitem(catalog.DATASETS, "mnist", other)
    examples = loading.load(dataset("mnist"), tmp_path)
    np.testing.assert_array_equal(
        whole(examples.train.inputs), [example("train", i)["image"] for i in range(7)]
    )
    assert examples.classes == ("cat", "dog", "emu")


@pytest.mark.parametrize("name", ["digits", "blobs"])
@pytest.mark.parametrize("way", ["gone", "flipped", "of another size"])
def test_what_is_made_here_and_was_changed_is_not_taken(
    dataset: MakeDataset, tmp_path: Path, name: str, way: str
) -> None:
    parameters = (
        {"train_per_class": 5, "test_per_class": 3, "shift": 0.5, "data_seed": 0}
        if name == "blobs"
        else {}
    )
    loading.read(dataset(name, **parameters), tmp_path)
    (records,) = (tmp_path / name).rglob("*-train.tfrecord*")
    if way == "gone":
        records.unlink()
    elif way == "flipped":
        flipped(records)
    else:
        (test,) = (tmp_path / name).rglob("*-test.tfrecord*")
        records.write_bytes(test.read_bytes())
    with pytest.raises(DataError, match=rf"{tmp_path}/{name}/.*remove th.* folder.*made again"):
        loading.read(dataset(name, **parameters), tmp_path)


def test_a_data_folder_that_cannot_be_written_is_named(
    dataset: MakeDataset, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot read or make digits"):
        loading.load(dataset("digits"), tmp_path / "file")


def test_what_needs_no_preparation_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs no preparation"):
        preparing.prepare("digits", {}, tmp_path)


def test_a_builder_that_tfds_knows_is_prepared_by_its_name(
    dataset: MakeDataset, tmp_path: Path, mine: Json
) -> None:
    assert availability.why_unavailable("tfds", mine, tmp_path)
    preparing.prepare("tfds", mine, tmp_path)
    found = loading.load(dataset("tfds", **mine), tmp_path)
    assert (len(found.train), len(found.test), found.loaded.version) == (7, 5, "1.2.0")


@pytest.mark.parametrize(
    ("parameters", "modules", "said"),
    [
        (
            {"dataset": "svhn_croped"},
            (),
            r"no data set svhn_croped \(did you mean svhn_cropped\?\)",
        ),
        ({"dataset": "nobodys"}, (), r"with --import, or run `tfds build --data_dir=.*` in the"),
        ({"dataset": "mine", "version": "9.9.9"}, (), r"cannot make the data set mine: .*9\.9\.9"),
        (
            {"dataset": "mine"},
            ("no_such_module_",),
            "cannot import no_such_module_: ModuleNotFound",
        ),
    ],
)
def test_what_tfds_does_not_know_is_told_with_what_to_do(
    tmp_path: Path, parameters: Json, modules: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        preparing.prepare("tfds", parameters, tmp_path, modules)


class Broken(Mine):
    """Has an error in its code."""

    name = "broken"

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        raise KeyError("no such file")


def test_an_error_in_a_builder_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot download and prepare broken: KeyError: 'no such"):
        preparing.prepare("tfds", {"dataset": "broken"}, tmp_path)


def test_a_module_that_is_named_makes_its_builder_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
import numpy as np
import tensorflow_datasets as tfds

class Dots(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("0.1.0")
    def _info(self):
        features = {"x": tfds.features.Tensor(shape=(1,), dtype=np.float32),
                    "y": tfds.features.ClassLabel(names=["no", "yes"])}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features),
                                     supervised_keys=("x", "y"), homepage="http://127.0.0.1:9/")
    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "test": self._generate_examples()}
    def _generate_examples(self):
        yield 0, {"x": [1.0], "y": "yes"}
"""
    (tmp_path / "dots_of_mine.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    preparing.prepare("tfds", {"dataset": "dots"}, tmp_path / "data", ("dots_of_mine",))
    assert (tmp_path / "data/dots/0.1.0/dataset_info.json").is_file()


class TestClasses:
    """`Dataset.classes`"""

    def test_their_labels_are_their_places_and_others_are_left_out(
        self, dataset: MakeDataset, data_dir: Path
    ) -> None:
        everything = loading.load(dataset("digits"), data_dir)
        wanted = replace(dataset("digits"), classes=("7", 2))
        found = loading.load(wanted, data_dir)
        assert (found.classes, found.loaded.classes) == (("7", "2"), ("7", "2"))
        for part, whole_part in ((found.train, everything.train), (found.test, everything.test)):
            kept = np.isin(whole_part.labels, (7, 2))
            np.testing.assert_array_equal(part.inputs, whole(whole_part.inputs)[kept])
            np.testing.assert_array_equal(part.labels, whole_part.labels[kept] == 2)

    def test_a_smaller_number_is_taken_of_them(self, dataset: MakeDataset, data_dir: Path) -> None:
        wanted = replace(dataset("digits", 20, 30), classes=("0", "1", "2"))
        found = loading.load(wanted, data_dir)
        assert (len(found.train), len(found.test)) == (20, 30)
        assert set(found.train.labels.tolist()) == {0, 1, 2}
        with pytest.raises(DataError, match="digits has 150 training examples, 151 were asked for"):
            loading.load(replace(wanted, train_examples=151), data_dir)

    @pytest.mark.parametrize(
        ("classes", "said"),
        [
            (("7", "seven"), "digits has no class seven; it has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
            ((0, 10), "digits has no class 10: its classes are 0 to 9"),
            (("7", 7), "7 and 7 are the same class of digits"),
        ],
    )
    def test_unknown_ones_are_told(
        self, dataset: MakeDataset, data_dir: Path, classes: tuple[str | int, ...], said: str
    ) -> None:
        with pytest.raises(DataError, match=said):
            loading.load(replace(dataset("digits"), classes=classes), data_dir)

    def test_only_their_images_are_decoded(
        self, dataset: MakeDataset, folder: Path, data_dir: Path
    ) -> None:
        for split in ("train", "test"):
            shutil.copytree(folder / split / "bee", folder / split / "cow")
        (folder / "train/bee/0.jpg").write_bytes(b"no image")
        wanted = replace(dataset("image_folder", path=str(folder)), classes=("cow", "ant"))
        found = loading.load(wanted, data_dir)
        np.testing.assert_array_equal(found.train.labels, [1, 1, 1, 0, 0, 0])


def test_a_server_out_of_reach_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Downloaded("http://127.0.0.1:9/nothing-listens-here")
    monkeypatch.setitem(
        catalog.DATASETS, "mnist", replace(catalog.DATASETS["mnist"], origin=nowhere)
    )
    monkeypatch.delenv("http_proxy", raising=False)
    with pytest.raises(DataError, match="cannot download and prepare mnist"):
        preparing.prepare("mnist", {}, tmp_path)


def test_the_real_cifar10_copy_has_the_published_channel_means(
    dataset: MakeDataset, unpacked_cifar10: Path, data_dir: Path
) -> None:
    examples = loading.load(dataset("cifar10_jpeg"), data_dir)
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
