"""The documentation holds: its commands run, its examples are valid, its links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import harness
from harness import pytest_plugin
from harness.cli import main
from harness.spec.load import load_file
from harness.spec.patch import merge_patch
from tests.docs.conftest import PAGES, ROOT, Block, Reader, blocks, first_specification, tokens
from tests.test_architecture import FLOORS

RECIPES = ROOT / "docs" / "extending.md"
"""What is written there into files of the harness is tried by tests of its own."""

SHELL = blocks("sh", "console", "yaml")
PYTHON = [each for each in blocks("python") if each.path != RECIPES]
JSON = [each for each in blocks("json") if each.path != RECIPES]

FOREIGN = {
    *("--force-regen", "--regen-all", "--lf", "--junitxml"),  # pytest and its plugins
    "--num-cpus",  # ray start
    "--quick",  # the benchmarks
}
"""Options that the pages name of other programs."""


def commands(block: Block) -> list[str]:
    """Return what stands in a block of shell, a command an item, without comments."""
    lines = (line.partition("  #")[0].strip() for line in block.text.splitlines())
    return [command for line in lines if line for command in line.split(" && ")]


def of_harness(block: Block) -> Iterator[list[str]]:
    """Yield the arguments of every command of ours in a block."""
    one_line = re.sub(r"\n {10}", " ", block.text)
    for found in re.finditer(r"python -m harness (.*)", one_line):
        yield shlex.split(found[1].partition("  #")[0])


@pytest.mark.parametrize("block", [each for each in SHELL if each.language != "yaml"], ids=str)
def test_every_command_runs_or_says_why_not(
    block: Block, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    if block.unlike == "not run":
        return
    monkeypatch.chdir(reader.folder)
    for command in commands(block):
        assert command.startswith("python -m harness "), f"{command}: run it, or say why not"
        arguments = shlex.split(command)[3:]
        found = CliRunner().invoke(main, arguments)
        assert found.exit_code == block.code, f"{command}\n{found.output}"


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_every_command_of_ours_has_the_options_that_it_is_given(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in of_harness(block):
        _parse(main, click.Context(main), arguments)


def _parse(command: click.Command, context: click.Context, arguments: list[str]) -> None:
    """Parse the arguments of a command without running it; UsageError where they are wrong."""
    if isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, arguments)
        assert found is not None
        _parse(found, click.Context(found, parent=context, info_name=name), rest)
    else:
        command.make_context(context.info_name, arguments, parent=context.parent)


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_every_example_in_python_runs_or_says_why_not(
    block: Block, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = compile(block.text, str(block), "exec")
    if block.unlike != "not run":
        monkeypatch.chdir(reader.folder)
        exec(compiled, {"__name__": "notebook"})


def test_the_first_example_in_python_is_five_lines() -> None:
    first = next(each for each in PYTHON if each.path.name == "python.md")
    assert len(ast.parse(first.text).body) == 5


@pytest.mark.parametrize("block", JSON, ids=str)
def test_every_specification_is_valid_and_so_is_the_first_with_every_part(
    block: Block, tmp_path: Path
) -> None:
    if block.unlike == "not validated":
        return
    (tmp_path / "mine.json").write_text(first_specification(), encoding="utf-8")
    shown = json.loads(block.text)
    whole = {"name", "extends"} & shown.keys()
    path = tmp_path / "shown.json"
    path.write_text(
        json.dumps(shown if whole else merge_patch(json.loads(first_specification()), shown))
    )
    load_file(path)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_option_in_the_text_is_one(path: Path) -> None:
    known = {*FOREIGN, *_options(main)}
    known |= set(re.findall(r"--harness-[a-z-]+", Path(pytest_plugin.__file__).read_text()))
    named = {
        option
        for token in tokens(path)
        for child in token.children or []
        if child.type == "code_inline"
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", child.content)
    }
    assert named <= known


def _options(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _options(each)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in _links(path):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.name} links to {link}"
        assert target.is_relative_to(ROOT), f"{path.name} links to {link}"
        assert not anchor or anchor in _anchors(target), f"{path.name} links to {link}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_module_that_is_named_is_there(path: Path) -> None:
    named = {
        child.content
        for token in tokens(path)
        for child in token.children or []
        if child.type == "code_inline" and re.fullmatch(r"[\w/]+/\w+\.py", child.content)
    }
    roots = (ROOT, ROOT / "harness")
    missing = {name for name in named if not any((root / name).is_file() for root in roots)}
    assert path == RECIPES or not missing


def _links(path: Path) -> Iterator[str]:
    for token in tokens(path):
        for child in token.children or []:
            link = child.attrGet("href") or child.attrGet("src")
            if link:
                yield str(link)


def _anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    of_page = tokens(path)
    return {
        re.sub(r"[^\w\- ]", "", after.content.lower()).replace(" ", "-")
        for token, after in pairwise(of_page)
        if token.type == "heading_open"
    }


@pytest.mark.parametrize(
    "path", [each for each in PAGES if each.parent != ROOT], ids=lambda path: path.name
)
def test_every_page_is_in_the_index(path: Path) -> None:
    index = ROOT / "docs" / "README.md"
    assert path == index or path.name in list(_links(index))


class TestArchitecture:
    """The page that says where what is."""

    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

    def test_its_floors_are_those_that_the_test_of_imports_holds(self) -> None:
        (drawing,) = re.findall(r"```text\n(.*?)```", self.page, re.DOTALL)
        lines = [line.partition("|")[0].split() for line in drawing.splitlines()]
        assert [floor for line in reversed(lines) for floor in line] == list(FLOORS)

    def test_it_names_every_module_once_and_no_other(self) -> None:
        folder = Path(harness.__file__).parent
        modules = {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*.py")
            if path.name != "__init__.py"
        }
        named = self._named()
        assert sorted(named) == sorted(modules)

    def test_its_modules_stand_in_the_order_of_the_floors(self) -> None:
        floors = [name.removesuffix(".py").partition("/")[0] for name in self._named()]
        assert [floor for floor, _ in groupby(floors)] == list(FLOORS)

    def _named(self) -> list[str]:
        return re.findall(r"^- `([a-z0-9_/]+\.py)`: \S", self.page, re.MULTILINE)
