"""From the complete JSON of a run, defaults filled in, to its typed settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.experiment import (
    PER_IMAGE,
    Average,
    Component,
    Dataset,
    EarlyStopping,
    Json,
    Normalization,
    OwnPart,
    RunSpec,
    Settings,
    SharpnessAware,
    Standardization,
    StopRule,
    Training,
    Validation,
    WarmUp,
    WeightsFile,
    parent_of,
)
from harness.own.records import with_own_parts
from harness.spec import schema

_DATASET_COMMON = (
    "name",
    "train_examples",
    "test_examples",
    "normalize",
    "randomize",
    "center_crop",
    "classes",
    "validation",
)
"""What every data set has; its other members are parameters of its own."""


def component(value: Mapping[str, Json]) -> Component:
    """Split a named object of the language into its name and its parameters."""
    return Component(value["name"], {name: item for name, item in value.items() if name != "name"})


def decided(complete: Mapping[str, Json]) -> dict[str, Json]:
    """Return complete settings in which defaults that rest on other settings are filled in too.

    Early stopping looks at the validation set where there is one, and else at the test set; a
    stopping rule that names no accuracy wants the whole training set right.
    """
    training = dict(complete["training"])
    early, stop = training["early_stopping"], training["stop_when"]
    if early and early["metric"] == "auto":
        held_out = complete["dataset"]["validation"]
        metric = "validation_accuracy" if held_out else "test_accuracy"
        training["early_stopping"] = {**early, "metric": metric}
    if stop and stop["train_accuracy"] is None and stop["validation_accuracy"] is None:
        training["stop_when"] = {**stop, "train_accuracy": 1.0}
    return {**complete, "training": training}


def settings(complete: Mapping[str, Json]) -> Settings:
    """Return the settings that a complete run has."""
    strengths, on = complete["strengths"], complete["regularizers"]
    augmentation = strengths["augmentation"] if "augmentation" in on else ()
    return Settings(
        dataset=_dataset(complete["dataset"]),
        model=component(complete["model"]),
        initialization=component(complete["initialization"]),
        augmentation=tuple(component(item) for item in augmentation),
        training=_training(
            complete["training"],
            {
                name: strengths[name] if name in on else 0.0
                for name in ("momentum", "l2", "dropout")
            },
        ),
    )


def _dataset(raw: Mapping[str, Json]) -> Dataset:
    parameters = {name: value for name, value in raw.items() if name not in _DATASET_COMMON}
    return Dataset(
        source=Component(raw["name"], parameters),
        train_examples=raw["train_examples"],
        test_examples=raw["test_examples"],
        normalize=_normalization(raw["normalize"]),
        randomize=tuple(component(item) for item in raw["randomize"]),
        center_crop=raw["center_crop"],
        classes=tuple(raw["classes"]) if raw["classes"] is not None else None,
        validation=_validation(raw["validation"]) if raw["validation"] else None,
    )


def _validation(value: Mapping[str, Json]) -> Validation:
    return Validation(value["share"], value["examples"], value["split_seed"], value["randomized"])


def _training(raw: Mapping[str, Json], strengths: Mapping[str, float]) -> Training:
    stop, early, warm_up = raw["stop_when"], raw["early_stopping"], raw["warm_up"]
    average, sharpness_aware = raw["average"], raw["sharpness_aware"]
    return Training(
        loss=raw["loss"],
        loss_reduction=raw["loss_reduction"],
        optimizer=component(raw["optimizer"]),
        momentum=strengths["momentum"],
        l2=strengths["l2"],
        schedule=component(raw["schedule"]),
        batch_size=raw["batch_size"],
        last_batch=raw["last_batch"],
        epochs=raw.get("epochs"),
        stop_when=_stop_rule(stop) if stop else None,
        measure_every=raw["measure_every"],
        dropout=strengths["dropout"],
        label_smoothing=raw["label_smoothing"],
        precision=raw["precision"],
        early_stopping=_early_stopping(early) if early else None,
        deterministic=raw["deterministic"],
        backend=raw["backend"],
        steps=raw["steps"],
        accumulate=raw["accumulate"],
        warm_up=_warm_up(warm_up) if warm_up else None,
        clip_norm=raw["clip_norm"],
        average=Average(average["decay"]) if average else None,
        sharpness_aware=SharpnessAware(sharpness_aware["rho"]) if sharpness_aware else None,
    )


def _warm_up(value: Mapping[str, Json]) -> WarmUp:
    return WarmUp(value["steps"], value.get("epochs"), value.get("per", "step"))


def _stop_rule(value: Mapping[str, Json]) -> StopRule:
    return StopRule(value["train_accuracy"], value["check_every"], value["validation_accuracy"])


def _early_stopping(value: Mapping[str, Json]) -> EarlyStopping:
    improves = "max" if value["metric"].endswith("accuracy") else "min"
    mode = improves if value["mode"] == "auto" else value["mode"]
    return EarlyStopping(value["metric"], value["patience"], value["min_delta"], mode)


def _normalization(value: Json) -> Normalization | Standardization | None:
    if value is None or value == PER_IMAGE:
        return PER_IMAGE if value else None
    return Normalization(tuple(value["mean"]), tuple(value["deviation"]))


def stored_run(name: str, kept: Mapping[str, Json], own: Mapping[str, OwnPart]) -> RunSpec | None:
    """Return a run by its complete settings as a store keeps them.

    Paths are taken from the present folder. The digest of a weights file is left empty.

    Args:
        name: The name of the run, or of its cell.
        kept: The settings.
        own: What identifies the parts that are not the harness's, by their places.

    Returns:
        The run under that name; None where its settings are not in this language.
    """
    complete = schema.fill_defaults(schema.definition("complete_run"), dict(kept))
    sections = schema.Sections()
    if sections.faults(complete):
        return None
    typed = decided({part: section.typed for part, section in sections.of(complete).items()})
    start = typed["initialize_from"]
    parent = parent_of(start)
    return RunSpec(
        base=name,
        settings=with_own_parts(settings(typed), own),
        initialize_from=(
            parent if start is None or parent else WeightsFile(Path(start["weights"]), "")
        ),
        regularizers=tuple(complete["regularizers"]),
        resolved=complete,
        start_epoch=start_epoch(start),
    )


def start_epoch(value: Json) -> int | None:
    """Return the epoch after which a setting `initialize_from` takes the weights of a run."""
    return value.get("after_epoch") if isinstance(value, Mapping) else None
