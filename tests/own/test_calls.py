"""Functions are found in their files, and nothing is imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.own.calls import CallFault, find, misfits
from harness.own.kinds import AUGMENTATION, DATASET, MODEL
from tests.own.conftest import Write

BOMB = "raise SystemExit('this module was imported')\n"


class TestFind:
    """Where a function is looked for, and what is told where there is none."""

    def test_a_module_beside_the_specification(self, modules: Write) -> None:
        folder = modules(nets=f"def tiny(a, b): pass\n{BOMB}")
        found = find("nets:tiny", folder)
        assert (found.module, found.path, found.root) == ("nets", folder / "nets.py", folder)
        assert found.function.name == "tiny"
        assert "nets" not in sys.modules

    def test_packages_are_entered_without_running_them(self, modules: Write) -> None:
        folder = modules(own__init=BOMB, own__parts__nets="def tiny(a, b): pass\n")
        (folder / "own" / "init.py").rename(folder / "own" / "__init__.py")
        found = find("own.parts.nets:tiny", folder)
        assert (found.path, found.root) == (folder / "own" / "parts" / "nets.py", folder)

    def test_a_package_itself_may_define_it(self, modules: Write) -> None:
        folder = modules(own__init="def tiny(a, b): pass\n")
        (folder / "own" / "init.py").rename(folder / "own" / "__init__.py")
        assert find("own:tiny", folder).root == folder

    def test_else_wherever_python_looks(
        self, modules: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        folder = modules(elsewhere="def tiny(a, b): pass\n")
        monkeypatch.syspath_prepend(folder)
        assert find("elsewhere:tiny", tmp_path / "empty").path == folder / "elsewhere.py"

    @pytest.mark.parametrize(
        ("call", "kind", "allowed", "message"),
        [
            ("nest:tiny", "module", ("nets", "other"), "nor elsewhere does Python find"),
            ("nets.deeper:tiny", "module", ("nets", "other"), "nor elsewhere"),
            ("nets:tinny", "function of nets.py", ("tiny",), "no function tinny"),
            ("nets:Class", "function of nets.py", ("tiny",), "no function Class"),
            ("math:sqrt", "", (), "no source code in Python"),
            ("other:f", "", (), r"other.py:1 is no Python"),
        ],
    )
    def test_what_is_not_there(
        self, modules: Write, call: str, kind: str, allowed: tuple[str, ...], message: str
    ) -> None:
        folder = modules(nets="def tiny(a, b): pass\nclass Class: pass\n", other="def f(:\n")
        with pytest.raises(CallFault, match=message) as caught:
            find(call, folder)
        assert (caught.value.at, caught.value.kind) == (("call",), kind)
        assert caught.value.allowed == allowed


@pytest.mark.parametrize(
    ("signature", "parameters", "faults"),
    [
        ("(input_shape, outputs)", [], []),
        ("(shape, n, *, width, depth=2)", ["width"], []),
        ("(shape, n, width=1)", ["width"], []),
        ("(*all, **more)", ["width"], []),
        ("(shape, n, /, *, width=1)", ["width"], []),
        ("(shape)", ["width"], [(("call",), "takes shape by position, and is given")]),
        ("(*, input_shape, outputs)", [], [(("call",), "takes nothing by position")]),
        (
            "(shape, n, *, width, depth)",
            ["widht", "depth"],
            [
                (("parameters",), "'width' is missing: net has no default"),
                (("parameters", "widht"), "takes no 'widht'"),
            ],
        ),
        ("(shape, n, m, /)", [], [(("parameters",), "'m' is missing")]),
        # What is given by position cannot be given by name too.
        ("(shape, n)", ["n"], [(("parameters", "n"), "takes no 'n'")]),
    ],
)
def test_a_call_fits_the_function(
    modules: Write, signature: str, parameters: list[str], faults: list[tuple[object, str]]
) -> None:
    called = find("nets:net", modules(nets=f"def net{signature}: pass\n"))
    found = list(misfits(called, MODEL, parameters))
    assert [fault.at for fault in found] == [at for at, _ in faults]
    assert all(words in str(fault) for fault, (_, words) in zip(found, faults, strict=True))


def test_what_is_offered_by_name_is_no_missing_parameter(modules: Write) -> None:
    called = find("data:waves", modules(data="def waves(*, data_dir): pass\n"))
    assert not list(misfits(called, DATASET, []))
    assert [fault.at for fault in misfits(called, AUGMENTATION, [])] == [("parameters",)]
