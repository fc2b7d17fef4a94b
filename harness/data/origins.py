"""The kinds of origin of a data set: each tells whether its data are here and how they are had.

Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.data import own_labels, tfds_files
from harness.data.errors import DataError, Unfit
from harness.data.facts_record import Facts, Sizes
from harness.data.image_files import ALL, CHANNELS, READ, SPLITS, Layout, find_images, is_folder
from harness.data.info import DataFiles, Origin, Parameters, Request
from harness.data.places import archive_folders, at_home
from harness.data.tfds_files import (
    INFO,
    Prepared,
    Selection,
    find_version,
    folder_of,
    read_prepared,
    selection_of,
)
from harness.data.tfds_records import RANDOM_ACCESS

MARKER = "complete"
"""The file that is written last into an unpacked archive."""


@dataclass(frozen=True)
class MadeHere(Origin):
    """Data that are made on this machine, from their parameters alone."""


@dataclass(frozen=True)
class OwnFunction(Origin):
    """Data that a function of one's own returns, which `call` names, or which a package registers.

    What the function is and what files it reads is part of what identifies the data set in a run's
    key. Only a call of it tells what the data are.
    """

    loader: str = field(default="harness.data.own:load", kw_only=True)

    @property
    def named_by(self) -> str | None:
        """The parameter without which nothing can be looked at."""
        return "call"

    @property
    def location_parameters(self) -> tuple[str, ...]:
        """The same files are the same data wherever they lie."""
        return ("files",)


@dataclass(frozen=True)
class AtPath(Origin):
    """A person's own data, at a place that the parameter `path` names."""

    @property
    def named_by(self) -> str | None:
        """The parameter without which nothing can be looked at."""
        return "path"

    @property
    def location_parameters(self) -> tuple[str, ...]:
        """The same content is the same data wherever it lies."""
        return ("path",)

    def folder(self, request: Request) -> Path:
        """Return the folder or the file that the parameter names."""
        return at_home(request.parameters["path"])


@dataclass(frozen=True)
class ImageFolder(AtPath):
    """A person's folder of images, which the parameter `path` names.

    They lie in <split>/<class>/<image> or, with the parameter `test_share`, in <class>/<image>.
    """

    loader: str = field(default="harness.data.loading:load_image_folder", kw_only=True)

    def why_unavailable(self, request: Request) -> str | None:
        """Say that there is no such folder, or that it has no images of a split."""
        folder, layout = self.folder(request), layout_of(request.parameters)
        if not is_folder(folder):
            return f"the folder {folder} does not exist: put the images there as {layout}"
        found = find_images(folder, layout=layout)
        for split in layout.splits:
            if not found.images[split] and not found.faults:
                return _no_images(folder, split)
        return None

    def unfit(self, request: Request) -> Iterator[Unfit]:
        """Yield a share for testing where the folder has a split of its own."""
        folder = self.folder(request)
        has_splits = all(is_folder(folder / split) for split in SPLITS)
        if has_splits and not layout_of(request.parameters).split:
            yield Unfit(
                ("test_share",),
                f"the folder {folder} has the folders {' and '.join(SPLITS)}, which tell what is "
                "for testing: leave test_share out",
            )

    def files(self, request: Request) -> DataFiles | None:
        """Return the images; raises DataError for one in a format that is not read."""
        folder = self.folder(request)
        found = find_images(folder, layout=layout_of(request.parameters))
        if not any(found.images.values()) and not found.faults:
            return None
        for fault in self.unfit(request):
            raise fault
        found.check()
        if not found.layout.split:
            own_labels.check_shared(found.sizes(ALL), str(folder))
        return DataFiles(folder, found.names(), remark=found.remark())


def _no_images(folder: Path, split: str) -> str:
    kinds = f"each a {', '.join(READ)} file"
    if not split:
        return f"the folder {folder} has no images: put them there as <class>/<image>, {kinds}"
    return (
        f"the folder {folder} has no {split} images: put them there as {split}/<class>/<image>, "
        f"{kinds}, or give test_share where all lie as <class>/<image>"
    )


def facts_of_image_folder(request: Request) -> Facts | None:
    """Count the images of a person's folder and its classes."""
    parameters = request.parameters
    found = find_images(at_home(parameters["path"]), layout=layout_of(parameters))
    names = tuple(found.classes(found.layout.splits[0]))
    counted = [[found.sizes(split)[name] for name in names] for split in found.layout.splits]
    if found.layout.split:
        sizes = tuple(counted[0]), tuple(counted[1])
        train, test = (len(found.images[split]) for split in SPLITS)
    else:
        sizes = own_labels.shared(counted[0], parameters["test_share"])
        train, test = map(sum, sizes)
    shape = _shape_of_images(parameters)
    return Facts(shape, len(names), train, test, names, sizes) if train and test else None


def layout_of(parameters: Parameters) -> Layout:
    """Return how the images of a person's folder lie."""
    return Layout(parameters.get("test_share") is None, parameters.get("nested", False))


def _shape_of_images(parameters: Parameters) -> tuple[int, ...] | None:
    """Return the shape that images are converted to, None where one of them tells it."""
    size, mode = parameters.get("resize"), parameters.get("mode")
    return (*size, CHANNELS[mode]) if size and mode else None


@dataclass(frozen=True)
class ImageArchive(Origin):
    """Images in one archive, which a person brings and which is unpacked here.

    Args:
        file_name: its usual name.
        sha256: its digest, which is the identity of the data too.
        unpacked_bytes: what it holds at most.
        content: the digest of its images as they lie unpacked (`content_digest`).
        images: the number of those for training and of those for testing.
    """

    file_name: str
    sha256: str
    unpacked_bytes: int
    content: str
    images: tuple[int, int]
    loader: str = field(default="harness.data.loading:load_image_archive", kw_only=True)

    @property
    def archives(self) -> tuple[str, ...]:
        """The name of the archive."""
        return (self.file_name,)

    @property
    def published(self) -> str | None:
        """The digest of the archive."""
        return self.sha256

    def find(self) -> Path | None:
        """Return the archive in the first archive folder that has it."""
        candidates = (folder / self.file_name for folder in archive_folders())
        return next((path for path in candidates if path.is_file()), None)

    def why_unavailable(self, request: Request) -> str | None:
        """Say that the archive is nowhere, neither packed nor unpacked."""
        name, data_dir = request.name, request.data_dir
        if is_unpacked(name, data_dir) or self.find():
            return None
        return (
            f"{name} is not in {data_dir} and its archive {self.file_name} is in no archive folder:"
            f" python -m harness data import {name} ARCHIVE, where ARCHIVE is the path of"
            f" {self.file_name}"
        )

    def files(self, request: Request) -> DataFiles | None:
        """Return the unpacked images; raises DataError where there are not as many as unpacked."""
        if not is_unpacked(request.name, request.data_dir):
            return None
        folder = self.folder(request)
        found = find_images(folder, own=(MARKER,))
        there = tuple(len(found.images[split]) for split in SPLITS)
        if found.faults or there != self.images:
            (train, test), (all_train, all_test) = there, self.images
            faults = f" ({found.faults[0]})" if found.faults else ""
            raise DataError(
                f"{folder} is not what was unpacked there: {train:,} of {all_train:,} training "
                f"and {test:,} of {all_test:,} test images are there{faults}; "
                f"{self._how_to_unpack_again(request.name)}"
            )
        return DataFiles(folder, found.names(), remark=found.remark())

    def identify(self, request: Request, digest: str) -> str:
        """Return the archive's digest; raises DataError where the images are not the archive's."""
        if digest != self.content:
            raise DataError(
                f"{self.folder(request)} is not what was unpacked there: "
                f"all {sum(self.images):,} images are there, but some have another "
                f"content; {self._how_to_unpack_again(request.name)}"
            )
        return self.sha256

    def folder(self, request: Request) -> Path:
        """Return the folder of the unpacked images."""
        return unpacked_folder(request.name, request.data_dir)

    def archive_folders(self, data_dir: Path) -> tuple[Path, ...]:
        """Return the archive folders of this machine."""
        return archive_folders()

    def _how_to_unpack_again(self, name: str) -> str:
        return f"unpack them again: python -m harness data import {name} {self.find() or 'ARCHIVE'}"


def unpacked_folder(name: str, data_dir: Path) -> Path:
    """Return where the archive of the data set `name` lies unpacked, or would."""
    return data_dir / "harness" / name


def is_unpacked(name: str, data_dir: Path) -> bool:
    """Tell whether the archive of the data set `name` lies unpacked below `data_dir`."""
    return (unpacked_folder(name, data_dir) / MARKER).is_file()


@dataclass(frozen=True)
class Downloaded(Origin):
    """A data set of TFDS's own catalogue, which TFDS downloads and prepares.

    Args:
        server: a page of the server that it is downloaded from.
    """

    server: str
    loader: str = field(default="harness.data.loading:load_prepared_data", kw_only=True)

    def why_unavailable(self, request: Request) -> str | None:
        """Say that no version of it is prepared."""
        name, data_dir = request.name, request.data_dir
        if find_version(data_dir / name):
            return None
        return f"{name} is not prepared in {data_dir}: get it with: {prepare_command(name, {})}"

    def files(self, request: Request) -> DataFiles | None:
        """Return the files of the latest version; raises DataError where they are not whole."""
        found = find_version(request.data_dir / request.name)
        return _published_files(request, found, None) if found is not None else None


@dataclass(frozen=True)
class ManualArchives(Origin):
    """Archives that a person brings and that a TFDS builder of ours prepares.

    Args:
        files_needed: the names of the archives.
        url: where they are had.
        builder: the function that makes the builder from the Request, as "module:function".
        side: the default of the parameter `size`, its images' side in pixels; None: the data set
            has no such parameter.
        version: that of the builder, the only one that is read.
    """

    files_needed: tuple[str, ...]
    url: str
    builder: str
    side: int | None = None
    version: str = "1.0.0"
    loader: str = field(default="harness.data.loading:load_prepared_data", kw_only=True)

    @property
    def archives(self) -> tuple[str, ...]:
        """The names of the archives."""
        return self.files_needed

    def find(self, data_dir: Path) -> Path | None:
        """Return the first archive folder that has all archives."""
        return next(
            (
                folder
                for folder in self.archive_folders(data_dir)
                if all((folder / name).is_file() for name in self.archives)
            ),
            None,
        )

    def how_to_bring(self, data_dir: Path) -> str:
        """Say what to do where `find` finds nothing."""
        return (
            f"no archive folder has {' and '.join(self.archives)}: "
            f"bring them from {self.url} to {self.archive_folders(data_dir)[0]}"
        )

    def config(self, parameters: Parameters) -> str | None:
        """Return the name of the builder's configuration for the images' size, if it has sizes."""
        side = parameters.get("size", self.side)
        return f"{side}x{side}" if side else None

    def why_unavailable(self, request: Request) -> str | None:
        """Say that it is not prepared, and whether its archives are here."""
        name, data_dir = request.name, request.data_dir
        if find_version(self._builder_folder(request), self.version):
            return None
        config = self.config(request.parameters)
        what = f"{name}, {config}," if config else name
        command = prepare_command(name, request.parameters)
        if folder := self.find(data_dir):
            return f"{what} is not prepared in {data_dir}; its archives are in {folder}: {command}"
        return (
            f"{what} is not prepared in {data_dir}, and {self.how_to_bring(data_dir)}, "
            f"then: {command}"
        )

    def files(self, request: Request) -> DataFiles | None:
        """Return the prepared files; raises DataError where they are not whole."""
        found = find_version(self._builder_folder(request), self.version)
        if found is None:
            return None
        if self.side:
            request = replace(request, parameters={"size": self.side, **request.parameters})
        return _published_files(request, found, RANDOM_ACCESS)

    def sizes(self, request: Request) -> Sizes | None:
        """Count the examples of each class; None where they are not prepared, or damaged."""
        found = find_version(self._builder_folder(request), self.version)
        try:
            return None if found is None else read_prepared(found, Selection()).sizes()
        except DataError:
            return None

    def archive_folders(self, data_dir: Path) -> tuple[Path, ...]:
        """Return TFDS's own folder for such archives, then the archive folders."""
        return (data_dir / "downloads" / "manual", *archive_folders())

    def _builder_folder(self, request: Request) -> Path:
        config = self.config(request.parameters)
        return self.folder(request) / config if config else self.folder(request)


_NAMING = ("dataset", "config", "version")
"""The parameters that say which data set of TFDS is meant."""


@dataclass(frozen=True)
class OwnPrepared(Origin):
    """A data set that TFDS has prepared, of its catalogue or one's own, as its parameters say."""

    loader: str = field(default="harness.data.loading:load_prepared_data", kw_only=True)

    @property
    def named_by(self) -> str | None:
        """What a specification tells in the parameter `dataset`."""
        return "name"

    def why_unavailable(self, request: Request) -> str | None:
        """Say that it is not prepared, or that one of its configurations must be named."""
        parameters, data_dir = request.parameters, request.data_dir
        folder, version = self.folder(request), parameters.get("version")
        if find_version(folder, version):
            return None
        what = f"{parameters['dataset']}{f', version {version},' if version else ''}"
        configs = sorted(path.name for path in _folders_in(folder) if find_version(path, version))
        if configs and not parameters.get("config"):
            return (
                f"{what} has configurations in {folder}, and none is named: "
                f"give the data set's config, one of {', '.join(configs)}"
            )
        named = {key: parameters[key] for key in _NAMING if parameters.get(key)}
        return (
            f"{what} is not prepared in {folder}: if TFDS's catalogue has it, "
            f"{prepare_command(request.name, named)}; if it is your own, run "
            f"`tfds build --data_dir={data_dir}` in the folder of its builder; or let "
            "TFDS_DATA_DIR name the folder where it is prepared"
        )

    def unfit(self, request: Request) -> Iterator[Unfit]:
        """Yield splits and features that it does not have, or that cannot be used."""
        found = find_version(self.folder(request), request.parameters.get("version"))
        if found is not None:
            yield from tfds_files.unfit(found, selection_of(request.parameters))

    def files(self, request: Request) -> DataFiles | None:
        """Return the files of its version; raises DataError where they are not whole."""
        found = find_version(self.folder(request), request.parameters.get("version"))
        if found is None:
            return None
        prepared = read_prepared(found, selection_of(request.parameters))
        return replace(_prepared_files(prepared), version=found.name)

    def folder(self, request: Request) -> Path:
        """Return the folder of the data set, or of its configuration."""
        return folder_of(request.parameters, request.data_dir)


def facts_of_own_prepared(request: Request) -> Facts | None:
    """Read the facts of a data set that is named from the files that TFDS prepared."""
    parameters = request.parameters
    folder = folder_of(parameters, request.data_dir)
    found = find_version(folder, parameters.get("version"))
    if found is None:
        return None
    try:
        return read_prepared(found, selection_of(parameters)).facts
    except DataError:
        return None


def prepare_command(name: str, parameters: Parameters) -> str:
    """Return the command that prepares a data set."""
    return " ".join(
        ["python -m harness data prepare", name, *(f"--set {k}={v}" for k, v in parameters.items())]
    )


def _published_files(request: Request, folder: Path, file_format: str | None) -> DataFiles:
    """Return prepared files; raises DataError where they are not those that are published."""
    name, command = request.name, prepare_command(request.name, request.parameters)
    try:
        prepared = read_prepared(folder, Selection())
    except DataError as error:
        raise DataError(f"{error}; remove {folder}, then: {command}") from error
    if file_format not in (None, prepared.file_format):
        raise DataError(
            f"{folder} is prepared in another way than {file_format}: remove it, then: {command}"
        )
    known = request.facts
    if known is not None and prepared.facts != known:
        shape = "x".join(map(str, prepared.shape))
        raise DataError(
            f"{folder} is not {name} as it is published: {prepared.counts[0]:,} instead of "
            f"{known.train_examples:,} training and {prepared.counts[1]:,} instead of "
            f"{known.test_examples:,} test examples, {prepared.classes} classes, inputs {shape}; "
            f"remove it, then: {command}"
        )
    return _prepared_files(prepared)


def _prepared_files(prepared: Prepared) -> DataFiles:
    return DataFiles(
        prepared.folder, prepared.names, (INFO,), head=prepared.head, prepared=prepared
    )


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []
