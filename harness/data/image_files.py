"""The image files of a folder: which there are, and which cannot be used.

Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.digests import reason
from harness.data.errors import DataError
from harness.words import agreeing, plural

SPLITS = ("train", "test")

CHANNELS = {"rgb": 3, "grayscale": 1}
"""The channels that images have which are converted to a colour mode."""

READ = (".jpg", ".jpeg", ".png")
"""The suffixes of the images that are read, in lower case."""

OTHER_FORMATS = {
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".heic": "HEIC",
    ".heif": "HEIF",
    ".j2k": "JPEG 2000",
    ".jfif": "JPEG",
    ".jp2": "JPEG 2000",
    ".jpe": "JPEG",
    ".jxl": "JPEG XL",
    ".pbm": "PBM",
    ".pgm": "PGM",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WebP",
}
"""The formats of files that look like images and are not read, by their suffix."""

FOREIGN = frozenset(
    (
        "__macosx",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "@eadir",
        "$recycle.bin",
        "system volume information",
        "lost+found",
    )
)
"""What operating systems put into folders, in lower case, besides all that is hidden (`.*`)."""

_MOST_NAMED = 3


ALL = ""
"""Stands for the split of images that lie in no folder of one."""


@dataclass(frozen=True)
class Layout:
    """How images lie in a folder.

    `split` says that there is a folder for each split, `nested` that the folder of a class may have
    folders with more of its images.
    """

    split: bool = True
    nested: bool = False

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that there are."""
        return SPLITS if self.split else (ALL,)

    def __str__(self) -> str:
        return "<split>/<class>/<image>" if self.split else "<class>/<image>"


@dataclass
class ImageFolder:
    """What a folder of images holds.

    `images` has the images of each split, as "<class>/<file>", ordered by class and file name.
    `left_out` names what is not taken for data, `faults` says in a sentence each why files that
    look like data cannot be used.
    """

    root: Path
    images: Mapping[str, list[str]]
    left_out: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    layout: Layout = Layout()

    def classes(self, split: str) -> list[str]:
        """Return the names of a split's classes, sorted."""
        return sorted(self.sizes(split))

    def sizes(self, split: str) -> Counter[str]:
        """Return how many images each class of a split has."""
        return Counter(name.partition("/")[0] for name in self.images[split])

    def names(self) -> tuple[str, ...]:
        """Return the paths of all images below the root, those for training first."""
        return tuple(
            f"{split}/{name}" if split else name
            for split in self.layout.splits
            for name in self.images[split]
        )

    def check(self) -> None:
        """Check that all that looks like data can be used.

        Raises:
            DataError: something cannot; the first few are named.
        """
        faults = self.faults or list(self._misfits())
        if faults:
            more = len(faults) - _MOST_NAMED
            rest = [f"and {more} more like these"] if more > 0 else []
            raise DataError("; ".join([*faults[:_MOST_NAMED], *rest]))

    def _misfits(self) -> Iterator[str]:
        if not self.layout.split:
            return
        train, test = (set(self.classes(split)) for split in SPLITS)
        for split, other, only in (
            ("train", "test", train - test),
            ("test", "train", test - train),
        ):
            if only:
                yield (
                    f"{self.root} has images of {_listed(sorted(only))} in {split} and none in "
                    f"{other}: both must have the same classes"
                )

    def remark(self) -> str | None:
        """Say in one sentence what is left out, or return None where nothing is."""
        count = len(self.left_out)
        if not count:
            return None
        return (
            f"{self.root}: {plural(count, 'file')} or {agreeing(count, 'folder', 'folders')} "
            f"{agreeing(count, 'is', 'are')} left out as no images: {_listed(self.left_out)}"
        )


def find_images(root: Path, own: Sequence[str] = (), layout: Layout = Layout()) -> ImageFolder:
    """Look through a folder of images; no image is opened.

    Hidden files and folders and what operating systems leave behind are no data, nor is a file
    whose suffix is that of no image. `own` names files at the top that are the harness's.
    A folder that is not there has no images.
    """
    found = ImageFolder(root, {split: [] for split in layout.splits}, layout=layout)
    if not is_folder(root):
        return found
    if layout.split:
        _look_for_splits(found, own)
    else:
        _look_through_split(root, ALL, found)
    for split in layout.splits:
        found.images[split].sort(key=lambda name: tuple(name.split("/")))
    return found


def _look_for_splits(found: ImageFolder, own: Sequence[str]) -> None:
    for entry in _entries(found.root, found):
        if entry.name in SPLITS and _is(entry.is_dir):
            _look_through_split(Path(entry.path), entry.name, found)
        elif entry.name in SPLITS:
            found.faults.append(_no_folder(entry, found.layout))
        elif entry.name not in own:
            found.left_out.append(entry.name)


def _look_through_split(folder: Path, split: str, found: ImageFolder) -> None:
    for entry in _entries(folder, found):
        if _foreign(entry.name):
            found.left_out.append(_within(found.root, entry.path))
        elif _is(entry.is_dir):
            _look_through_class(Path(entry.path), split, found)
        elif _suffix(entry.name) in READ or _suffix(entry.name) in OTHER_FORMATS:
            found.faults.append(f"{entry.path} is in no folder of a class: {_lie(found.layout)}")
        elif _dangling(entry):
            found.faults.append(_no_folder(entry, found.layout))
        else:
            found.left_out.append(_within(found.root, entry.path))


def _look_through_class(folder: Path, split: str, found: ImageFolder) -> None:
    before = len(found.images[split]), len(found.faults)
    _look_into(folder, folder.name, split, found)
    if before == (len(found.images[split]), len(found.faults)):
        found.faults.append(f"the class {folder} has no images: put some there, or remove it")


def _look_into(folder: Path, name: str, split: str, found: ImageFolder) -> None:
    """Look through the folder of a class or, where it may have some, one within it.

    `name` is its path below the folder of the classes.
    """
    for entry in _entries(folder, found):
        suffix = _suffix(entry.name)
        if _foreign(entry.name):
            found.left_out.append(_within(found.root, entry.path))
        elif _is(entry.is_dir):
            _look_into_nested(Path(entry.path), f"{name}/{entry.name}", split, found)
        elif suffix in OTHER_FORMATS:
            found.faults.append(
                f"{entry.path} is an image in a format that is not read ({OTHER_FORMATS[suffix]}): "
                f"make it a JPEG or PNG file ({', '.join(READ)})"
            )
        elif suffix not in READ:
            found.left_out.append(_within(found.root, entry.path))
        elif not _is(entry.is_file):
            found.faults.append(_no_file(entry))
        else:
            found.images[split].append(f"{name}/{entry.name}")


def _look_into_nested(folder: Path, name: str, split: str, found: ImageFolder) -> None:
    first = next(_images_below(folder), None)
    if first is None:
        found.left_out.append(_within(found.root, str(folder)))
    elif not found.layout.nested:
        found.faults.append(
            f"{first} is in a folder within a class: {_lie(found.layout)}, with `nested` also in "
            "folders within a class"
        )
    elif folder.is_symlink() and folder.resolve() in folder.absolute().parents:
        found.faults.append(f"{folder} is a link to a folder that it lies in")
    else:
        _look_into(folder, name, split, found)


def _lie(layout: Layout) -> str:
    return f"images lie in {layout}"


def _entries(folder: Path, found: ImageFolder) -> list[os.DirEntry[str]]:
    """Return what is in a folder, by name; where it cannot be read, this is a fault."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        found.faults.append(f"cannot read the folder {folder}: {reason(error)}")
        return []


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:
        return False


def _foreign(name: str) -> bool:
    return name.startswith(".") or name.lower() in FOREIGN


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a path each would take longer than the rest


def _within(root: Path, path: str) -> str:
    return os.path.relpath(path, root)


def _images_below(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _foreign(name))
        for name in sorted(names):
            if not _foreign(name) and _suffix(name) in {*READ, *OTHER_FORMATS}:
                yield f"{place}/{name}"


def _no_folder(entry: os.DirEntry[str], layout: Layout) -> str:
    return _dangling(entry) or f"{entry.path} is no folder: {_lie(layout)}"


def _no_file(entry: os.DirEntry[str]) -> str:
    return _dangling(entry) or f"the image {entry.path} is no regular file"


def _dangling(entry: os.DirEntry[str]) -> str | None:
    if not entry.is_symlink():
        return None
    try:
        Path(entry.path).stat()
    except OSError:
        target = Path(entry.path).readlink()
        return f"{entry.path} is a link to {target}, which is not there or cannot be read"
    return None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def is_folder(path: Path) -> bool:
    """Tell whether there is such a folder; none has a name that no system takes."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
