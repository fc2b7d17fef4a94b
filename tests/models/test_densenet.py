import pytest

from harness.models.densenet import densenet
from harness.models.shapes import Shapes


@pytest.mark.parametrize(
    ("growth", "reduction", "expected"),
    [
        (12, 0.5, [24, 96, 48, 120, 60, 132]),  # DenseNet40: 24 + 6 * 12, halved, and so on
        (3, 0.5, [6, 24, 12, 30, 15, 33]),
        (3, 0.3, [6, 24, 7, 25, 7, 25]),  # 7.2 and 7.5 are rounded down
        (1, 0.1, [2, 8, 1, 7, 1, 7]),  # 0.8 and 0.7 are not
    ],
)
def test_channels_grow_by_the_layer_and_shrink_between_blocks(
    growth: int, reduction: float, expected: list[int]
) -> None:
    model = densenet(Shapes((8, 8, 3), 10), growth=growth, reduction=reduction)
    found = []
    for block in (1, 2, 3):
        found.append(model.get_layer(f"block{block}_layer1_bottleneck_norm").input.shape[-1])
        found.append(model.get_layer(f"block{block}_layer6_concat").output.shape[-1])
    assert found == expected


def test_no_convolution_has_a_bias() -> None:
    model = densenet(Shapes((8, 8, 3), 10), layers=[1, 1])
    assert [weight.path for weight in model.weights if weight.name == "bias"] == ["logits/bias"]
