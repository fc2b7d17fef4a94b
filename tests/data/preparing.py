"""The files that TFDS leaves where it prepares a data set, written without it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.experiment import Json

LABEL = {
    "pythonClassName": "tensorflow_datasets.core.features.class_label_feature.ClassLabel",
    "classLabel": {"numClasses": "10"},
}


def image_feature(*sides: int, dtype: str = "uint8") -> Json:
    """What TFDS writes of a feature that holds images of these sides."""
    shape = {"dimensions": [str(side) for side in sides]}
    return {
        "pythonClassName": "tensorflow_datasets.core.features.image_feature.Image",
        "image": {"shape": shape, "dtype": dtype},
    }


def pretend_prepared(
    folder: Path,
    splits: Mapping[str, Sequence[int]],
    features: Json | None = None,
    info: Json | None = None,
    content: bytes = b"",
) -> Path:
    """Write the files of `<name>/<version>` as TFDS would, each of the record files with this
    content.

    `splits` has the numbers of examples of each split's record files; `info` changes what
    dataset_info.json says.
    """
    name = folder.parent.name
    folder.mkdir(parents=True)
    said = {
        "name": name,
        "version": folder.name,
        "fileFormat": "tfrecord",
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}},
        "splits": [
            {
                "name": split,
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                "shardLengths": [str(count) for count in counts],
            }
            for split, counts in splits.items()
        ],
    } | (info or {})
    features = {"image": image_feature(28, 28, 1), "label": LABEL} if features is None else features
    top = "tensorflow_datasets.core.features.features_dict.FeaturesDict"
    (folder / "dataset_info.json").write_text(json.dumps(said))
    whole = {"pythonClassName": top, "featuresDict": {"features": features}}
    (folder / "features.json").write_text(json.dumps(whole))
    for split, counts in splits.items():
        for index in range(len(counts)):
            shard = f"{name}-{split}.{said['fileFormat']}-{index:05}-of-{len(counts):05}"
            (folder / shard).write_bytes(content)
    return folder
