"""Series look different, and what they have in common looks alike."""

from __future__ import annotations

import itertools

import pytest

from harness.report.encoding import Key, encode
from harness.report.style import COLOURS, series_style
from harness.report.theme import contrast

SUBSETS = ("none", "a", "m", "w", "a+m", "a+w", "m+w", "a+m+w")


def product(**axes: tuple[str, ...]) -> list[Key]:
    return [dict(zip(axes, labels, strict=True)) for labels in itertools.product(*axes.values())]


def test_one_axis_has_the_colours_in_their_order() -> None:
    assert encode(product(x=("a", "b", "c"))).looks == tuple(map(series_style, range(3)))
    assert encode(product(x=("a", "b", "c"))).legend == ()


def test_one_axis_has_colours_and_another_dashes() -> None:
    encoding = encode(product(network=("1x512", "3x512", "9x512"), decay=("wd", "none")))
    assert [look.colour for look in encoding.looks[::2]] == list(COLOURS[:3])
    assert [look.line for look in encoding.looks] == ["-", "--"] * 3
    (network, of_network), (decay, of_decay) = encoding.legend
    assert (network, decay) == ("network", "decay")
    assert [label for label, _ in of_network] == ["1x512", "3x512", "9x512"]
    assert [(label, look.line) for label, look in of_decay] == [("wd", "-"), ("none", "--")]


def test_three_axes_have_colours_dashes_and_markers() -> None:
    keys = product(x=tuple("abcde"), y=tuple("abc"), z=("on", "off"))
    encoding = encode(keys)
    assert len(set(encoding.looks)) == 30
    markers = {key["z"]: look.marker for key, look in zip(keys, encoding.looks, strict=True)}
    assert len(set(markers.values())) == 2
    assert [title for title, _ in encoding.legend] == ["x", "y", "z"]


def test_numbers_have_shades_in_their_order_that_stand_out_from_white() -> None:
    looks = encode(product(p=("1", "0", "0.5", "0.25"))).looks
    contrasts = [contrast(look.colour, "#ffffff") for look in looks]
    assert sorted(range(4), key=lambda index: -contrasts[index]) == [1, 3, 2, 0]
    assert min(contrasts) > 1.5


def test_combinations_are_split_in_one_part_and_the_others() -> None:
    keys = product(regularizers=SUBSETS)
    encoding = encode(keys)
    of = {key["regularizers"]: look for key, look in zip(keys, encoding.looks, strict=True)}
    assert len(set(of.values())) == 8
    assert of["m"].colour == of["a+m"].colour
    assert of["m"].line == of["none"].line != of["a"].line
    assert len({look.colour for look in of.values()}) == 4


@pytest.mark.parametrize("count", [1, 9, 30])
def test_many_that_have_nothing_in_common_all_look_different(count: int) -> None:
    keys = [{"run": f"run{index}"} for index in range(count)]
    assert encode(keys).looks == tuple(map(series_style, range(count)))


def test_series_that_are_the_same_still_look_different() -> None:
    assert len(set(encode([{"x": "a"}, {"x": "a"}, {"x": "b"}]).looks)) == 3
