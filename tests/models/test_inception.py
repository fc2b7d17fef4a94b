from collections import Counter

import pytest

from harness.models.inception import small_inception
from harness.models.shapes import Shapes


@pytest.mark.parametrize(("batch_norm", "offset"), [(True, "beta"), (False, "bias")])
def test_an_offset_takes_the_place_of_the_bias(batch_norm: bool, offset: str) -> None:
    model = small_inception(Shapes((8, 8, 3), 10), batch_norm=batch_norm, width_multiplier=0.1)
    # 19 convolutions: the first, eight modules of two, two downsamplings; and the linear layer.
    expected = Counter(["kernel", offset] * 19 + ["kernel", "bias"])
    assert Counter(weight.name for weight in model.trainable_weights) == expected


@pytest.mark.parametrize(("side", "expected"), [(28, [28, 14, 7]), (10, [10, 5, 3])])
def test_downsamplings_halve_the_image_and_round_up(side: int, expected: list[int]) -> None:
    model = small_inception(Shapes((side, side, 3), 10), width_multiplier=0.1)
    last = ("stage1_module2", "stage2_module4", "stage3_module2")
    assert [model.get_layer(f"{name}_concat").output.shape[1] for name in last] == expected


@pytest.mark.parametrize(
    ("multiplier", "expected"),
    [
        (1, [96, 32, 48, 80]),
        (0.25, [24, 8, 12, 20]),
        (0.1, [10, 3, 5, 8]),
        (0.001, [1, 1, 1, 1]),
        (2, [192, 64, 96, 160]),
    ],
)
def test_the_multiplier_narrows_every_layer(multiplier: float, expected: list[int]) -> None:
    model = small_inception(Shapes((8, 8, 3), 10), width_multiplier=multiplier)
    names = ("stem", "stage1_module2_1x1", "stage1_module2_3x3", "downsampling1")
    assert [model.get_layer(f"{name}_conv").filters for name in names] == expected
