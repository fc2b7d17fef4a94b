"""Parts of one's own in a specification: identified where they are right, else told of."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.experiment import Experiment, Json
from harness.own.records import own_parts
from harness.spec.load import load_file
from harness.spec.problems import SpecError
from tests.support import specifications

NETS = "def tiny(input_shape, outputs, *, width): pass\n"


def call(name: str, **parameters: Json) -> Json:
    return {"name": "python", "call": name, "parameters": parameters}


def loaded(folder: Path, name: str = "a.json", **defaults: Json) -> Experiment:
    document = specifications.small()
    document["defaults"] |= defaults
    return load_file(specifications.write(folder / name, document))


def told(folder: Path, **defaults: Json) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        loaded(folder, **defaults)
    return [(each.pointer, each.message) for each in caught.value.problems]


def test_every_kind_of_part_is_found_beside_the_specification(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        f"{NETS}def data(): pass\ndef salt(split, draw): pass\ndef louder(): pass\n"
        "def drawn(kernel, shape, uniform, normal): pass\n"
    )
    experiment = loaded(
        tmp_path,
        dataset={**call("own:data"), "randomize": [call("own:salt")]},
        model=call("own:tiny", width=3),
        initialization=call("own:drawn"),
        strengths={"augmentation": [call("own:louder")]},
        regularizers=["augmentation"],
    )
    found = own_parts(experiment.runs["one"].settings)
    assert {place: part.call for place, part in found.items()} == {
        "dataset": "own:data",
        "dataset.randomize.0": "own:salt",
        "model": "own:tiny",
        "initialization": "own:drawn",
        "strengths.augmentation.0": "own:louder",
    }
    assert {part.place for part in found.values()} == {str(tmp_path)}


def test_the_folder_is_that_of_the_file_which_says_the_call(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "nets.py").write_text(NETS)
    loaded(base, "base.json", model=call("nets:tiny", width=1))
    path = specifications.write(
        tmp_path / "mine.json", {"extends": "base/base.json", "name": "mine"}
    )
    (part,) = own_parts(load_file(path).runs["one"].settings).values()
    assert part.place == str(base)


@pytest.mark.parametrize(
    ("model", "pointer", "message"),
    [
        (call("nest:tiny"), "/call", "unknown module 'nest'; did you mean 'nets'? (allowed: nets)"),
        (
            call("nets:tinny"),
            "/call",
            "unknown function of nets.py 'tinny'; did you mean 'tiny'? (allowed: tiny)",
        ),
        (
            call("nets:tiny", width=1, widht=2),
            "/parameters/widht",
            "unknown parameter of tiny 'widht'; did you mean 'width'? (allowed: width)",
        ),
        (call("nets:tiny"), "/parameters", "'width' is missing: tiny has no default for it"),
        (call("nets"), "/call", '"nets" does not have the form'),
        ({"name": "python"}, "", "'call' is missing"),
        ({"name": "pyhton"}, "/name", "unknown value 'pyhton'; did you mean 'python'?"),
        ({"name": "keras", "path": "net.keras"}, "/path", "there is no file"),
        ({"name": "keras", "path": "net.h5"}, "/path", "does not have the form"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    tmp_path: Path, model: Json, pointer: str, message: str
) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    ((place, words),) = told(tmp_path, model=model)
    assert place == f"/defaults/model{pointer}"
    assert words.startswith(message) or message in words


METRICS = "def bits(run, *, base=2): pass\ndef gap(run, other): pass\ndef Big(run): pass\n"


def test_metrics_are_found_beside_the_specification(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(METRICS)
    metrics = [call("own:bits", base=3), {**call("own:gap"), "with": "one", "from": "weights"}]
    document = specifications.small(runs={"one": {}, "two": {"metrics": metrics}})
    found = load_file(specifications.write(tmp_path / "a.json", document)).runs["two"].metrics
    assert [(each.label, each.partner) for each in found] == [
        ("bits", None),
        ("gap_with_one", "one"),
    ]
    assert [each.parameters["from"] for each in found] == ["predictions", "weights"]
    assert all(each.own is not None and each.own.place == str(tmp_path) for each in found)


@pytest.mark.parametrize(
    ("metrics", "pointer", "message"),
    [
        ([call("own:bit")], "/0/call", "unknown function of own.py 'bit'; did you mean 'bits'?"),
        ([call("own:bits", bas=2)], "/0/parameters/bas", "did you mean 'base'?"),
        ([call("own:gap")], "/0", "'other' is missing: gap has no default for it"),
        (
            [{**call("own:bits"), "with": "one"}],
            "/0/call",
            "bits takes run by position, and is given run, other",
        ),
        ([{**call("own:bits"), "from": "weight"}], "/0/from", "did you mean 'weights'?"),
        (
            [{**call("own:gap"), "with": "two"}],
            "/0/with",
            "own:gap compares two runs, and two is this one",
        ),
        ([call("own:Big")], "/0", "'Big' is no name that an expression can have"),
        ([{**call("own:bits"), "as": "3d"}], "/0", "'3d' is no name that an expression can have"),
        (
            [{**call("own:bits"), "as": "test_loss"}],
            "/0",
            "test_loss is a metric of the harness: give its number another name by 'as'",
        ),
        ([{**call("own:bits"), "as": "sharpness"}], "/0", "sharpness is a metric of the harness"),
        (
            [call("own:bits"), call("own:bits", base=3)],
            "/1",
            "another metric of this run gives bits too: tell them apart by 'as'",
        ),
    ],
)
def test_what_is_wrong_with_a_metric_is_told_at_its_place(
    tmp_path: Path, metrics: list[Json], pointer: str, message: str
) -> None:
    (tmp_path / "own.py").write_text(METRICS)
    document = specifications.small(runs={"one": {}, "two": {"metrics": metrics}})
    with pytest.raises(SpecError) as caught:
        load_file(specifications.write(tmp_path / "a.json", document))
    (problem,) = caught.value.problems
    assert problem.pointer.startswith(f"/runs/two/metrics{pointer}")
    assert message in problem.message


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("two.bits", None),
        ("two.bit", "unknown metric 'bit'; did you mean 'bits'?"),
        ("one.bits", "unknown metric 'bits'"),
    ],
)
def test_expressions_name_the_number_of_a_metric(
    tmp_path: Path, metric: str, message: str | None
) -> None:
    (tmp_path / "own.py").write_text(METRICS)
    bound = {"at_least": 0, "basis": "hypothesis", "source": "s"}
    document = specifications.small(
        runs={"one": {}, "two": {"metrics": [call("own:bits")]}},
        expectations=[{"id": "e", "metric": metric, **bound}],
    )
    path = specifications.write(tmp_path / "a.json", document)
    if message is None:
        assert len(load_file(path).expectations) == 1
        return
    with pytest.raises(SpecError) as caught:
        load_file(path)
    (problem,) = caught.value.problems
    assert message in problem.message


def test_a_number_of_a_run_in_which_something_is_wrong_is_not_unknown(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(METRICS)
    bound = {"at_least": 0, "basis": "hypothesis", "source": "s"}
    two = {"metrics": [call("own:bits")], "training": {"epochs": 0}}
    document = specifications.small(
        runs={"one": {}, "two": two}, expectations=[{"id": "e", "metric": "two.bits", **bound}]
    )
    with pytest.raises(SpecError) as caught:
        load_file(specifications.write(tmp_path / "a.json", document))
    assert [each.pointer for each in caught.value.problems] == ["/runs/two/training/epochs"]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    places = [
        place
        for place, _ in told(
            tmp_path,
            dataset={"name": "digits", "randomize": [call("nets:salt"), call("nets:tiny")]},
            model=call("nets:tiny", depth=1),
        )
    ]
    assert places == [
        "/defaults/dataset/randomize/0/call",
        "/defaults/dataset/randomize/1/parameters",
        "/defaults/model/parameters",
        "/defaults/model/parameters/depth",
    ]


def test_files_that_a_function_reads_are_beside_the_specification_too(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text("def waves(*, files): pass\n")
    dataset = {**call("data:waves"), "files": ["waves.csv"]}
    ((place, words),) = told(tmp_path, dataset=dataset)
    assert place == "/defaults/dataset/files"
    assert words == f"{tmp_path / 'waves.csv'} cannot be read: No such file or directory"
    (tmp_path / "waves.csv").write_text("1,2\n")
    (part,) = own_parts(loaded(tmp_path, dataset=dataset).runs["one"].settings).values()
    assert part.files == (str(tmp_path / "waves.csv"),)


def test_a_file_is_identified_by_its_bytes(tmp_path: Path) -> None:
    content = b'{"class_name": "Sequential", "module": "keras", "config": {"layers": []}}'
    (tmp_path / "net.json").write_bytes(content)
    experiment = loaded(tmp_path, model={"name": "keras", "path": "net.json"})
    (part,) = own_parts(experiment.runs["one"].settings).values()
    assert part.sha256 == hashlib.sha256(content).hexdigest()
    assert (part.call, part.place) == (None, str(tmp_path / "net.json"))
