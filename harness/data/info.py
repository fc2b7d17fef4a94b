"""The records in which the catalogue says what a data set is.

Nothing here imports TensorFlow or NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.facts_record import Facts
from harness.experiment import Json, OwnPart

if TYPE_CHECKING:
    from harness.data.digests import Digest
    from harness.data.errors import Unfit
    from harness.data.tfds_files import Prepared

Parameters = Mapping[str, Any]
"""What a specification says of a data set that no other data set has, such as `path`."""


@dataclass(frozen=True)
class Request:
    """A data set that is asked for: its name and row, its parameters, where prepared data lie.

    `own` identifies the function that makes data of one's own, None where the harness has them.
    """

    name: str
    info: DatasetInfo
    parameters: Parameters
    data_dir: Path
    own: OwnPart | None = None

    @property
    def facts(self) -> Facts | None:
        """What is known of its examples; None where its data are not there to be looked at."""
        facts = self.info.facts
        return facts(self) if callable(facts) else facts


@dataclass(frozen=True)
class DataFiles:
    """The files of a data set that are here, whole as far as their names and sizes tell.

    `names` are the paths, below `root`, of the files that decide what is loaded, `others` those of
    files that must not change either. `identities` stand for the names where these may be any.
    `remark` says what is left out, `head` what else decides.
    """

    root: Path
    names: tuple[str, ...]
    others: tuple[str, ...] = ()
    head: str = ""
    remark: str | None = None
    prepared: Prepared | None = None
    identities: tuple[str, ...] = ()
    version: str | None = None


@dataclass(frozen=True)
class Content:
    """What identifies a data set besides its parameters, and the digests of its files.

    `sha256` is None where the parameters alone decide. `version` is that of a data set which TFDS
    has prepared and a person named.
    """

    sha256: str | None = None
    digests: tuple[Digest, ...] = field(default=(), compare=False, repr=False)
    remark: str | None = field(default=None, compare=False)
    prepared: Prepared | None = field(default=None, compare=False, repr=False)
    version: str | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the data of a data set come from: whether they are here, and how they are had.

    A kind of origin is a subclass in `harness.data.origins`. What stands here holds for data that
    their parameters decide and that are always here.

    Args:
        loader: the function that loads the data, as "module:function"; the module is imported
            when data are loaded. It takes the Request and the Content, and returns the Examples.
    """

    loader: str

    @property
    def archives(self) -> tuple[str, ...]:
        """The names of the files that a person brings."""
        return ()

    @property
    def named_by(self) -> str | None:
        """What a specification must name to say which data are meant, None where the row tells."""
        return None

    @property
    def location_parameters(self) -> tuple[str, ...]:
        """The parameters that say where data lie and not what they are."""
        return ()

    @property
    def published(self) -> str | None:
        """The identity of the content, where it is known before there are files."""
        return None

    def why_unavailable(self, request: Request) -> str | None:
        """Say in one sentence what is not here and how to get it, or None.

        Data that can be made or unpacked here without a network are available.
        """
        return None

    def unfit(self, request: Request) -> Iterator[Unfit]:
        """Yield the parameters that do not go with the data that are here, or with one another.

        Raises:
            DataError: the data cannot be looked at.
        """
        yield from ()

    def files(self, request: Request) -> DataFiles | None:
        """Return the files that are here, None where there are none to look at.

        Raises:
            DataError: they cannot be used, as far as their names and sizes tell.
        """
        return None

    def identify(self, request: Request, digest: str) -> str:
        """Return the identity of the content from the digest of its files.

        Raises:
            DataError: the files are not what they should be.
        """
        return digest

    def folder(self, request: Request) -> Path:
        """Return the folder where the prepared data lie or will lie."""
        return request.data_dir / request.name

    def archive_folders(self, data_dir: Path) -> tuple[Path, ...]:
        """Return the folders where `archives` are looked for."""
        return ()


@dataclass(frozen=True)
class FirstUse:
    """How a first specification uses a data set: small enough for a CPU, and sensible.

    `members` are those of `dataset` besides its name; `memorize` changes the training of a run that
    fits random labels; `confusion` are the parameters of a confusion set; `quality` is the metric
    that tells good minima from bad ones.
    """

    members: Mapping[str, Json] = field(default_factory=dict)
    augmentation: Json = field(
        default_factory=lambda: [{"name": "gaussian_noise", "deviation": 0.1}]
    )
    l2: float = 0.002
    training: Json = field(
        default_factory=lambda: {
            "optimizer": {"name": "sgd", "learning_rate": 0.05},
            "batch_size": 64,
            "epochs": 50,
            "measure_every": 5,
        }
    )
    memorize: Json = field(
        default_factory=lambda: {
            "epochs": 200,
            "stop_when": {"train_accuracy": 1.0, "check_every": 5},
        }
    )
    confusion: Mapping[str, Json] = field(default_factory=lambda: {"replicas": 1, "zero_out": 0.1})
    quality: str = "test_accuracy"


@dataclass(frozen=True)
class DatasetInfo:
    """A row of the catalogue: all that is known of a data set before it is loaded.

    Args:
        title: its name for a person.
        licence: on which terms it may be used.
        size: how many examples of which kind, and what they take on a disk, for a person.
        citation: whom to cite.
        facts: the same as numbers, or a function of the request that gives them.
        origin: where its data come from, and what loads them.
        first_use: how `harness new` uses it; None where it does not.
    """

    title: str
    licence: str
    size: str
    citation: str
    facts: Facts | Callable[[Request], Facts | None]
    origin: Origin
    first_use: FirstUse | None = field(default_factory=FirstUse)
