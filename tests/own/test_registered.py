"""Names that an installed package registers are like those of the harness."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.experiment import Json
from tests.support import specifications

FRAGMENT: dict[str, Json] = {
    "title": "Tiny network",
    "description": "One hidden layer, for tests.",
    "properties": {
        "width": {
            "title": "Width",
            "description": "Units of the hidden layer.",
            "type": "integer",
            "minimum": 1,
            "default": 4,
            "examples": [8],
        }
    },
}
NETS = "raise SystemExit('imported')\n\ndef tiny(input_shape, outputs, *, width): pass\n"
EVERY_GROUP = {
    "models": "tiny",
    "datasets": "waves",
    "randomizations": "salt",
    "augmentations": "louder",
    "initializations": "drawn",
    "metrics": "margin",
}
PARTS = (
    "raise SystemExit('imported')\n"
    "def waves(*, width): pass\ndef salt(split, draw, *, width): pass\n"
    "def louder(*, width): pass\ndef drawn(kernel, shape, uniform, normal, *, width): pass\n"
    "def margin(run, *, width): pass\ndef gap(run, other, *, width): pass\n"
)


class Installed:
    """A package as pip would have installed it, and the harness run where it is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "site" / "own_package"
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").write_text("raise SystemExit('imported')\n")
        (self.package / "parts.py").write_text(NETS + PARTS)
        for name in EVERY_GROUP.values():
            self.declare(name, FRAGMENT)
        lines = [
            f"[harness.{group}]\n{name} = own_package.parts:{name}\n"
            for group, name in EVERY_GROUP.items()
        ]
        self.register("".join(lines), "1.5")

    def declare(self, name: str, fragment: Json) -> None:
        (self.package / f"{name}.schema.json").write_text(json.dumps(fragment))

    def register(self, entry_points: str, version: str) -> None:
        info = self.folder / "site" / "own_package-1.5.dist-info"
        info.mkdir(exist_ok=True)
        metadata = f"Metadata-Version: 2.1\nName: own-package\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata)
        (info / "top_level.txt").write_text("own_package\n")
        (info / "entry_points.txt").write_text(entry_points)

    def spec(self, **defaults: Json) -> str:
        document = specifications.small()
        document["defaults"] |= defaults
        return str(specifications.write(self.folder / "a.json", document))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        root = Path(harness.__file__).parents[1]
        paths = os.pathsep.join([str(self.folder / "site"), str(root)])
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def key(self, path: str) -> str:
        document = json.loads(self.run("plan", path, "--json").stdout)
        key: str = document["runs"][0]["key"]
        return key


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def test_a_specification_uses_them_like_those_of_the_harness(installed: Installed) -> None:
    path = installed.spec(
        dataset={"name": "waves", "width": 3, "randomize": [{"name": "salt"}]},
        model={"name": "tiny", "width": 3},
        initialization={"name": "drawn"},
        strengths={"augmentation": [{"name": "louder"}]},
        regularizers=["augmentation"],
        metrics=[{"name": "margin", "width": 3}],
    )
    planned = installed.run("plan", path)
    assert planned.returncode == 0, planned.stderr
    # Nobody has to allow what somebody has installed.
    assert "1 runs: 0 done, 1 to do, 0 blocked" in planned.stdout


def test_near_names_and_parameters_are_told(installed: Installed) -> None:
    found = installed.run("validate", installed.spec(model={"name": "tinny"}))
    assert "unknown value 'tinny'; did you mean 'tiny'?" in found.stderr
    found = installed.run("validate", installed.spec(model={"name": "tiny", "widht": 2}))
    assert "unknown property 'widht'; did you mean 'width'?" in found.stderr
    found = installed.run("validate", installed.spec(model={"name": "tiny", "width": 0}))
    assert "expected at least 1, found 0" in found.stderr


def test_explain_lists_them(installed: Installed) -> None:
    assert "One hidden layer, for tests" in installed.run("explain", "model").stdout
    assert "Units of the hidden layer" in installed.run("explain", "model.tiny.width").stdout


def test_an_edit_or_another_version_is_another_run(installed: Installed) -> None:
    path = installed.spec(model={"name": "tiny"})
    keys = [installed.key(path)]
    (installed.package / "parts.py").write_text(NETS + PARTS + "more = 1\n")
    keys.append(installed.key(path))
    points = "[harness.models]\ntiny = own_package.parts:tiny\n"
    installed.register(points, "1.6")
    keys.append(installed.key(path))
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        (None, "tiny.schema.json cannot be read: No such file or directory"),
        ([], "expected an object"),
        ({**FRAGMENT, "title": 1}, "'title' is missing, or of another type"),
        ({**FRAGMENT, "properties": {"width": {"type": "integer"}}}, "'width' has no title"),
        (
            {
                **FRAGMENT,
                "properties": {"depth": {**FRAGMENT["properties"]["width"]}},
            },
            "'width' is missing: tiny has no default for it",
        ),
    ],
)
def test_what_cannot_be_used_is_left_out_and_told(
    installed: Installed, fragment: Json, message: str
) -> None:
    if fragment is None:
        (installed.package / "tiny.schema.json").unlink()
    else:
        installed.declare("tiny", fragment)
    found = installed.run("validate", installed.spec())
    assert found.returncode == 0
    assert "warning: the model 'tiny' (own_package.parts:tiny): " in found.stderr
    assert message in found.stderr


def test_a_name_of_the_harness_stays_its_own(installed: Installed) -> None:
    installed.declare("vgg", FRAGMENT)
    installed.register("[harness.models]\nvgg = own_package.parts:tiny\n", "1.5")
    found = installed.run("validate", installed.spec(model={"name": "vgg", "convolutions": [1]}))
    assert found.returncode == 0
    assert "the model 'vgg' of own_package.parts:tiny is left out" in found.stderr


WITH: Json = {"title": "With", "description": "The other run.", "type": "string", "examples": ["a"]}


def from_of(*allowed: str) -> Json:
    """Return how a fragment describes of what a metric is worked out."""
    described = {"title": "From", "description": "Of what.", "examples": [allowed[0]]}
    return {**described, "type": "string", "enum": list(allowed), "default": allowed[0]}


@pytest.mark.parametrize(
    ("name", "properties", "required", "message"),
    [
        ("gap", {"with": WITH, "from": from_of("weights")}, ["with"], ""),
        ("gap", {"with": {**WITH, "default": None}}, [], "'other' is missing: gap has no default"),
        ("gap", {}, [], "'other' is missing: gap has no default"),
        ("margin", {"with": WITH}, ["with"], "margin takes run by position, and is given run, oth"),
        ("margin", {"from": from_of("logits")}, [], "'from' needs an enum of 'predictions' and"),
    ],
)
def test_a_metric_is_given_one_run_or_two(
    installed: Installed, name: str, properties: Json, required: list[str], message: str
) -> None:
    described = {**FRAGMENT, "properties": {**FRAGMENT["properties"], **properties}}
    installed.declare(name, {**described, "required": required})
    installed.register(f"[harness.metrics]\n{name} = own_package.parts:{name}\n", "1.5")
    found = installed.run("validate", installed.spec())
    assert found.returncode == 0
    assert message in found.stderr
    assert ("the final metric" in found.stderr) is bool(message)


def test_a_metric_between_runs_is_named_after_both(installed: Installed) -> None:
    described = {**FRAGMENT["properties"], "with": WITH, "from": from_of("weights")}
    installed.declare("gap", {**FRAGMENT, "properties": described, "required": ["with"]})
    installed.register("[harness.metrics]\ngap = own_package.parts:gap\n", "1.5")
    document = specifications.small(
        runs={"one": {}, "two": {"metrics": [{"name": "gap", "with": "one"}]}},
        answer="{two.gap_with_one}",
    )
    path = str(specifications.write(installed.folder / "b.json", document))
    found = installed.run("validate", path)
    assert found.returncode == 0, found.stderr
