import pytest

from harness.models.shapes import Shapes
from harness.models.wide_resnet import wide_resnet
from harness.spec import schema


@pytest.mark.parametrize("depth", [4, 12, 27, -2])
def test_a_depth_that_makes_no_whole_blocks_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=f"4 plus a multiple of 6: {depth}"):
        wide_resnet(Shapes((8, 8, 3), 2), depth=depth)


def test_the_schema_allows_only_depths_that_make_whole_blocks() -> None:
    depth = schema.properties(schema.definition("model"), {"name": "wide_resnet"})["depth"]
    assert depth["enum"] == [4 + 6 * blocks for blocks in range(1, 17)]


def test_the_depth_counts_the_convolutions_of_a_widened_network() -> None:
    model = wide_resnet(Shapes((8, 8, 3), 2), depth=16, width=2, widen_factor=2)
    assert sum(layer.name.endswith("_conv") for layer in model.layers) == 16


def test_shortcuts_are_where_the_number_of_channels_changes() -> None:
    def shortcuts(widen_factor: int) -> list[str]:
        model = wide_resnet(Shapes((8, 8, 3), 2), depth=16, width=2, widen_factor=widen_factor)
        return [
            layer.name.removesuffix("_shortcut_conv")
            for layer in model.layers
            if "shortcut" in layer.name
        ]

    assert shortcuts(1) == ["stage2_block1", "stage3_block1"]
    assert shortcuts(2) == ["stage1_block1", "stage2_block1", "stage3_block1"]
